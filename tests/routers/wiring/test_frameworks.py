"""Every client library under every framework: wired, and run as a process of its own.

The backends write down what they are sent. TabbyAPI's answers as it does to a wrong key, and
sends a model named `moved` elsewhere. `LITELLM_PYTHON` names an interpreter that has LiteLLM (it
is too big to be among the development dependencies), Flask, Quart, FastAPI and Uvicorn.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tabbydoctor.routers import python
from tests.contract.server import API_KEY, free_port
from tests.routers.wiring.backends import LITELLM_HERE, Stage
from tests.routers.wiring.process import ask, served

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

DATA = Path(__file__).parent / "data" / "frameworks"
SOURCES = {path.name.partition(".")[0]: path.read_text() for path in sorted(DATA.glob("*.txt"))}
LITELLM_PYTHON = os.environ.get("LITELLM_PYTHON", "")
NO_LITELLM = pytest.mark.skipif(not LITELLM_PYTHON, reason="LITELLM_PYTHON names no interpreter")
RUN = [
    pytest.param(name, marks=NO_LITELLM) if "litellm" in name else pytest.param(name)
    for name in SOURCES
]


def forward(port: int, model: str) -> int:
    """The status of one request through the router."""
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    return ask(port, "POST", "/v1/chat/completions", json.dumps(body).encode())[0]


@pytest.mark.parametrize("name", RUN)
def test_tabbyapi_alone_gets_the_key(name: str, stage: Stage, tmp_path: Path) -> None:
    port = free_port()
    interpreter = LITELLM_PYTHON if "litellm" in name else sys.executable
    result = stage.wired(stage.here(SOURCES[name], port))
    assert result.leftovers == ()
    with served(result.source, port, tmp_path, interpreter, LITELLM_HERE):
        assert ask(port, "GET", "/ready")[0] == 200
        assert forward(port, "any") == 200
        keys = [sent.headers.get("authorization") for sent in stage.tabby.sent]
        assert (set(keys), len(keys) > 1) == ({f"Bearer {API_KEY}"}, True)
        assert forward(port, "an-awq") == 200
        assert stage.sglang.sent
        assert forward(port, "moved") in (200, 307)
    for sent in [*stage.sglang.sent, *stage.elsewhere.sent]:
        assert all(API_KEY not in value for value in sent.headers.values())


@pytest.mark.parametrize("name", SOURCES)
def test_wiring_twice_is_wiring_once(name: str, stage: Stage) -> None:
    once = stage.wired(stage.here(SOURCES[name], 8001))
    assert once.changes
    again = stage.wired(once.source.decode())
    assert again.source == once.source
    assert (again.changes, again.leftovers) == ((), ())


@pytest.mark.parametrize("name", SOURCES)
def test_every_call_is_read_as_wired(name: str, stage: Stage) -> None:
    source = stage.wired(stage.here(SOURCES[name], 8001)).source.decode()
    calls = python.read("router.py", source, (stage.tabby.url,)).calls
    assert all(call.sends_key and call.wired for call in calls)
