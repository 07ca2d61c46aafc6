"""RTR018: names that TabbyAPI answers with the model that is loaded."""

from __future__ import annotations

import pytest

from checks.router.model_names import model_names
from tabbydoctor.api import Absent, Finding
from tabbydoctor.routers import litellm, llama_swap
from tabbydoctor.routers.inputs import RouterInputs
from tabbydoctor.routers.model_names import asked_models

from .scene import config

URLS = ("http://127.0.0.1:5000",)
LITELLM = """\
model_list:
  - model_name: chat
    litellm_params:
      model: openai/{name}
      api_base: http://127.0.0.1:5000/v1
  - model_name: elsewhere
    litellm_params:
      model: openai/gpt-4o
      api_base: http://127.0.0.1:30000/v1
"""
SWAP = """\
peers:
  tabby:
    proxy: http://127.0.0.1:5000
    models: [Big-exl3, {name}]
models:
  other:
    cmd: llama-server
    proxy: http://127.0.0.1:8085
"""


def found(text: str, inline: bool = False, model: str = "Big-exl3") -> list[Finding]:
    kind = litellm if "model_list" in text else llama_swap
    reading = kind.read("/etc/gateway.yaml", text, URLS)
    inputs = RouterInputs(reading, URLS, {}, {}, text=text)
    return list(model_names.judge(asked_models(inputs), config(model=model, inline=inline), None))


@pytest.mark.parametrize(("text", "line"), [(LITELLM, 4), (SWAP, 4)])
def test_a_name_that_another_model_answers(text: str, line: int) -> None:
    (finding,) = found(text.format(name="Small-exl3"))
    assert finding.title == "Big-exl3 answers requests for Small-exl3"
    assert finding.evidence[1].source == f"/etc/gateway.yaml:{line}"


@pytest.mark.parametrize("text", [LITELLM, SWAP])
def test_the_loaded_model_by_its_name(text: str) -> None:
    assert found(text.format(name="Big-exl3")) == []


@pytest.mark.parametrize("text", [LITELLM, SWAP])
def test_where_a_name_chooses(text: str) -> None:
    with pytest.raises(Absent, match="inline loading"):
        found(text.format(name="Small-exl3"), inline=True)


def test_where_no_model_is_known() -> None:
    with pytest.raises(Absent, match="no model"):
        found(LITELLM.format(name="Small-exl3"), model="")
