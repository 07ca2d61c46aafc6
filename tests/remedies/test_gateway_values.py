"""RTR007, RTR014, RTR016 of LiteLLM and llama-swap: the value alone is changed, and once."""

from __future__ import annotations

import pytest

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.remedies.draft import CannotFix
from tabbydoctor.remedies.request import FixRequest
from tabbydoctor.routers import llama_swap
from tabbydoctor.tabbyapi.probes import Address

from .scene import ROOT, Scene

LITELLM = """\
model_list:
  - model_name: big
    litellm_params:
      model: {model}
      api_base: http://127.0.0.1:5000{path}  # ours
      api_key: os.environ/TABBY_API_KEY
      timeout: {timeout}
"""
SWAP = """\
models:
  tabby:
    cmd: /srv/TabbyAPI/start.sh --port 5000
    {more}
"""


def given(scene: Scene, kind: str, text: str, *ids: str) -> str:
    """A router with a unit; the path of its file."""
    path = scene.write(scene.root / "router/config.yaml", text, owner=0)
    unit = scene.unit_named("gateway.service", User="root")
    scene.router = RouterSite(str(path), kind, unit, None, ROOT)
    scene.given[Address] = Address("http://127.0.0.1:5000", "127.0.0.1:5000", "its socket")
    scene.given[FixRequest] = FixRequest(ids=ids)
    return str(path)


@pytest.mark.parametrize(
    ("model", "path", "lines"),
    [
        ("openai/big", "", ["      api_base: http://127.0.0.1:5000/v1  # ours"]),
        (
            "openai/big",
            "/v1/chat/completions",
            ["      api_base: http://127.0.0.1:5000/v1  # ours"],
        ),
        ("big", "/v1", ["      model: openai/big"]),
        ("Qwen/big", "/v1", ["      model: openai/Qwen/big"]),
        ("ollama/big", "/v1", ["      model: openai/big"]),
    ],
)
def test_litellm_is_made_to_ask_below_v1(
    scene: Scene, model: str, path: str, lines: list[str]
) -> None:
    text = LITELLM.format(model=model, path=path, timeout=600)
    file = given(scene, "litellm", text, "RTR016")
    changed = scene.draft("RTR016").read(file)
    assert changed is not None
    assert [one for one in changed.decode().splitlines() if one not in text.splitlines()] == lines


def test_litellm_in_order_is_left(scene: Scene) -> None:
    given(scene, "litellm", LITELLM.format(model="openai/big", path="/v1", timeout=600), "RTR016")
    assert scene.draft("RTR016").plan().empty
    assert scene.draft("RTR014").plan().empty


def test_litellm_is_made_to_wait(scene: Scene) -> None:
    text = LITELLM.format(model="openai/big", path="/v1", timeout=30)
    file = given(scene, "litellm", text, "RTR014")
    changed = scene.draft("RTR014").read(file)
    assert changed == text.replace("timeout: 30", "timeout: 600").encode()


@pytest.mark.parametrize("more", ["", "proxy: http://127.0.0.1:5000/v1"])
def test_llama_swap_is_told_where_tabbyapi_is(scene: Scene, more: str) -> None:
    file = given(scene, "llama-swap", SWAP.format(more=more), "RTR016")
    changed = scene.draft("RTR016").read(file)
    assert changed is not None
    assert b"    proxy: http://127.0.0.1:5000\n" in changed


def test_llama_swaps_check_needs_no_key(scene: Scene) -> None:
    more = "proxy: http://127.0.0.1:5000\n    checkEndpoint: /v1/models"
    file = given(scene, "llama-swap", SWAP.format(more=more), "RTR007")
    draft = scene.draft("RTR007")
    changed = draft.read(file)
    assert changed is not None
    assert b"checkEndpoint: /health" in changed
    assert draft.manual == []


NGINX = "server {\n    location / {\n        proxy_pass http://127.0.0.1:5000;\n    }\n}\n"


def test_a_gateway_that_is_not_edited_is_told_its_own_lines(scene: Scene) -> None:
    file = given(scene, "nginx", NGINX)
    with pytest.raises(CannotFix) as refused:
        scene.draft("RTR002")
    assert f"# In {file}, behind line 3 (location /)" in refused.value.manual
    assert '        proxy_set_header Authorization "Bearer <api_key>";' in refused.value.manual
    assert f"sudoedit {file}" in refused.value.manual


@pytest.mark.parametrize("section", ["models", "peers"])
def test_llama_swap_is_made_to_wait_for_an_answer(scene: Scene, section: str) -> None:
    more = "proxy: http://127.0.0.1:5000\n    timeouts:\n      responseHeader: 30  # ours"
    text = SWAP.replace("models:", f"{section}:", 1).format(more=more)
    file = given(scene, "llama-swap", text, "RTR014")
    changed = scene.draft("RTR014").read(file)
    assert changed == text.replace("Header: 30", "Header: 600").encode()


@pytest.mark.parametrize("written", ["responseHeader: 0", "responseHeader: 600", "connect: 5"])
def test_llama_swap_that_waits_is_left(scene: Scene, written: str) -> None:
    more = f"proxy: http://127.0.0.1:5000\n    timeouts:\n      {written}"
    given(scene, "llama-swap", SWAP.format(more=more), "RTR014")
    assert scene.draft("RTR014").plan().empty


@pytest.mark.parametrize("odd", ["30", "[1]", "{responseHeader: soon}", "{responseHeader: true}"])
def test_odd_limits_of_llama_swap_are_none(odd: str) -> None:
    text = SWAP.format(more=f"proxy: http://127.0.0.1:5000\n    timeouts: {odd}")
    reading = llama_swap.read("/config.yaml", text, ("http://127.0.0.1:5000",))
    assert [wait.setting for wait in reading.waits] == ["healthCheckTimeout"]
