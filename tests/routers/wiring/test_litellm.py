"""LiteLLM's functions and its Router, wired: who is sent which key, in every way of calling them.

`LITELLM_PYTHON` names an interpreter that has LiteLLM.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.contract.server import API_KEY, free_port
from tests.routers.wiring.backends import LITELLM_HERE, Backend, Stage

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

SOURCE = (Path(__file__).parent / "data" / "litellm" / "calls.py.txt").read_text()
PYTHON = os.environ.get("LITELLM_PYTHON", "")
TO_TABBY = {
    "sync", "sync-streamed", "strangers", "hosted", "named", "callers", "streamed", "text",
    "text-by-position", "embedded", "by-environment", "by-module", "fallen-back-to-tabby", "routed",
}  # fmt: skip
OWN = "Bearer sk-of-sglang"
ELSEWHERE = {
    "elsewhere": OWN,
    "other-than-environment": OWN,
    "other-than-module": OWN,
    "routed-elsewhere": OWN,
    "callers-elsewhere": "Bearer sk-of-a-caller",
    "fallen-back-elsewhere": "Bearer sk-of-openai",
}


def keys(backend: Backend) -> Mapping[str, str]:
    """Model -> the key it was asked with."""
    return {sent.model: sent.headers.get("authorization", "") for sent in backend.sent}


@pytest.mark.skipif(not PYTHON, reason="LITELLM_PYTHON names no interpreter")
def test_every_way_of_calling_sends_the_key_to_tabbyapi_alone(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "router.py"
    path.write_bytes(stage.wired(stage.here(SOURCE, free_port())).source)
    ran = subprocess.run(
        [PYTHON, str(path)],
        env={**os.environ, **LITELLM_HERE},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert keys(stage.tabby) == dict.fromkeys(TO_TABBY, f"Bearer {API_KEY}")
    assert keys(stage.sglang) == ELSEWHERE
    assert "x-api-key" not in {name for sent in stage.tabby.sent for name in sent.headers}


def test_what_is_wired_is_left_as_it_is(stage: Stage) -> None:
    once = stage.wired(stage.here(SOURCE, 8001))
    assert (once.leftovers, stage.wired(once.source.decode()).source) == ((), once.source)
    text = once.source.decode()
    assert "functools.partial(_tabby_litellm(litellm.completion), " in text
    assert "_tabby_litellm(litellm.Router)(" in text


CLOUD = """\
import httpx
import litellm


def cloud(messages):
    return litellm.completion(model="gpt-4o", messages=messages)


def elsewhere(messages):
    return litellm.completion("openai/a", messages, api_base="http://127.0.0.1:30000/v1")


def tabby(body):
    return httpx.post("http://127.0.0.1:5000/v1/chat/completions", json=body)
"""


def test_a_call_that_is_known_to_go_elsewhere_stays_as_it_is(stage: Stage) -> None:
    here = stage.here(CLOUD, 8001)
    text = stage.wired(here).source.decode()
    assert "auth=_tabby_auth" in text
    assert "_tabby_litellm" not in text
    told = here.replace(
        "import litellm\n", f"import litellm\n\nlitellm.api_base = {stage.tabby.url!r}\n"
    )
    assert stage.wired(told).source.decode().count("_tabby_litellm(litellm.completion)") == 1
