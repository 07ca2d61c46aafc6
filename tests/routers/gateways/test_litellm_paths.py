"""LiteLLM: the path that is read of an entry is what the real one asks for.

`LITELLM_PYTHON` names an interpreter that has LiteLLM; what it was seen to do stands here as well.
"""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tabbydoctor.routers import RouterReading, litellm
from tests.routers.gateways.running import recorder

LITELLM_PYTHON = os.environ.get("LITELLM_PYTHON", "")
SEEN = {
    ("openai/m", ""): "/chat/completions",
    ("openai/m", "/"): "/chat/completions",
    ("openai/m", "/v1"): "/v1/chat/completions",
    ("openai/m", "/v1/"): "/v1/chat/completions",
    ("openai/m", "/v1/chat/completions"): "/v1/chat/completions/chat/completions",
    ("m", "/v1"): "",
    ("Qwen/m", "/v1"): "",
    ("gpt-4o", "/v1"): "/v1/chat/completions",
    ("hosted_vllm/m", "/v1"): "/v1/chat/completions",
    ("hosted_vllm/m", "/v1/chat/completions"): "/v1/chat/completions",
    ("hosted_vllm/m", ""): "/chat/completions",
    ("text-completion-openai/m", "/v1"): "/v1/completions",
    ("lm_studio/m", ""): "/chat/completions",
    ("litellm_proxy/m", "/v1"): "/v1/chat/completions",
    ("custom_openai/m", "/v1"): "/v1/chat/completions",
    ("ollama/m", "/v1"): "/v1/api/generate",
}
"""(model, path of api_base) -> what is asked for; empty where LiteLLM refuses."""
SERVED = ("/v1/chat/completions", "/v1/completions")
ENTRY = """\
model_list:
  - model_name: m
    litellm_params:
      model: {}
      api_base: {}
      api_key: os.environ/TABBY_API_KEY
"""
PROGRAM = """\
import json, sys, litellm
for model, base in json.load(sys.stdin):
    try:
        litellm.completion(
            model=model, api_base=base, api_key="k", max_retries=0, num_retries=0, timeout=5,
            messages=[{"role": "user", "content": "hi"}],
        )
    except Exception:
        pass
"""


def read(model: str, base: str) -> RouterReading:
    text = ENTRY.format(model, base)
    return litellm.read("/etc/litellm/config.yaml", text, ("http://127.0.0.1:5000",))


@pytest.mark.parametrize(("given", "path"), SEEN.items(), ids=lambda each: str(each))
def test_a_fault_where_it_misses_and_nowhere_else(given: tuple[str, str], path: str) -> None:
    reading = read(given[0], f"http://127.0.0.1:5000{given[1]}")
    assert bool(reading.misses) == (path not in SERVED)
    if path and not given[0].startswith("ollama"):
        assert [call.path for call in reading.calls] == [path]


@pytest.mark.parametrize("given", SEEN, ids=lambda each: str(each))
def test_what_mends_it_asks_for_what_is_served(given: tuple[str, str]) -> None:
    model, base = given[0], f"http://127.0.0.1:5000{given[1]}"
    for mend in read(model, base).mends("path"):
        if mend.place[-1] == "model":
            model = str(mend.value)
        else:
            base = str(mend.value)
    after = read(model, base)
    assert after.misses == ()
    assert after.calls[0].path in SERVED


@pytest.mark.skipif(not LITELLM_PYTHON, reason="LITELLM_PYTHON names no interpreter")
def test_the_real_one_asks_for_that() -> None:
    with recorder() as tabby:
        given = [
            (f"{model}-{n}", f"http://127.0.0.1:{tabby.port}{path}")
            for n, (model, path) in enumerate(SEEN)
            if not model.startswith(("ollama", "gpt"))
        ]
        subprocess.run(
            [LITELLM_PYTHON, "-c", PROGRAM], input=json.dumps(given), text=True, check=True,
            capture_output=True, timeout=300,
        )  # fmt: skip
        seen = {
            path for (model, _), path in SEEN.items() if not model.startswith(("ollama", "gpt"))
        }
        assert {one.path for one in tabby.asked} == seen - {""}
