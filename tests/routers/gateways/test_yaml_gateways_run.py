"""llama-swap and LiteLLM themselves before a stand-in TabbyAPI: refused as configured, and let
through once what the doctor puts into their YAML is there.

`LLAMA_SWAP` names the program, `LITELLM_PYTHON` an interpreter that has LiteLLM's proxy.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tabbydoctor.demo import standin
from tabbydoctor.remedies.gateway_values import _edited
from tabbydoctor.routers import RouterReading, litellm, llama_swap
from tests.contract.server import API_KEY, TOKENS, Program, Server
from tests.routers.gateways.running import free_port
from tests.routers.gateways.test_clients_run import serving

LLAMA_SWAP = os.environ.get("LLAMA_SWAP", "")
LITELLM = os.environ.get("LITELLM_PYTHON", "")
_MASTER = "sk-of-the-gateway-" + "0b" * 16
_AUTH_WORDS = ("401", "api key", "api_key", "credentials", "provider")
_RUN = "import sys; from litellm import run_server; sys.argv[0] = 'litellm'; run_server()"
PEERS = (
    "peers:\n  tabby:\n    proxy: {url}\n    models: [m]  # ours\n",
    "peers:\n  tabby:\n    proxy: {url}\n    apiKey: old-0123456789\n    models: [m]\n",
    "peers:\n  tabby:\n    proxy: {url}/v1\n    models:\n      - m\n",
    "peers:\n  tabby:\n    proxy: '{url}/v1/'\n    apiKey: none\n    models: [m]\n",
    "macros:\n  k: old-0123456789\npeers:\n  tabby:\n    proxy: {url}\n    apiKey: ${{k}}\n"
    "    models: [m]\n",
)
_ENTRY = "model_list:\n  - model_name: m\n    litellm_params:\n"
ENTRIES = (
    _ENTRY + "      model: openai/m\n      api_base: {url}/v1\n",
    _ENTRY + "      model: openai/m  # ours\n      api_base: {url}\n      api_key: none\n",
    _ENTRY + "      model: m\n      api_base: {url}/v1\n      api_key: old-0123456789\n",
    _ENTRY
    + "      model: openai/m\n      api_base: {url}/v1/chat/completions\n      timeout: 30\n",
)


@pytest.fixture(scope="module")
def tabby(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A stand-in TabbyAPI with keys, and no model."""
    directory = tmp_path_factory.mktemp("tabby")
    standin.install(directory)
    main = Program("standin", sys.executable, directory / "main.py")
    with Server(main, directory / "served") as server:
        yield server.start({"api_tokens.yml": TOKENS})


def mended(kind: str, text: str, url: str) -> str:
    """The configuration after `fix --auth` and `fix RTR016`."""
    content = text.encode()
    for one in reading(kind, text, url).mends("path"):
        content = _edited(one, content)
    give = litellm.with_key if kind == "litellm" else llama_swap.with_key
    return give(content, (url,)).decode()


def reading(kind: str, text: str, url: str) -> RouterReading:
    """What is read of it."""
    read = litellm.read if kind == "litellm" else llama_swap.read
    return read("/etc/gateway.yaml", text, (url,))


def through(kind: str, directory: Path, text: str) -> tuple[int, str]:
    """Status and body of a completion that the gateway hands on."""
    directory.mkdir()
    config, port = directory / "gateway.yaml", free_port()
    config.write_text(text)
    argv = [LLAMA_SWAP, "-config", str(config), "-listen", f"127.0.0.1:{port}"]
    if kind == "litellm":
        argv = [LITELLM, "-c", _RUN, "--config", str(config)]
        argv += ["--host", "127.0.0.1", "--port", str(port)]
    given = {"LITELLM_MASTER_KEY": _MASTER, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with serving(argv, directory, port, TABBY_API_KEY=API_KEY, **given):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        body = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {_MASTER}"}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        answer = connection.getresponse()
        said = answer.read().decode()
        connection.close()
        return answer.status, said


def passes(kind: str, directory: Path, text: str) -> bool:
    """Whether TabbyAPI's own route took the request with its key."""
    status, said = through(kind, directory, text)
    refused = status in (400, 401, 404) or any(word in said.lower() for word in _AUTH_WORDS)
    return not refused


@pytest.mark.skipif(not LLAMA_SWAP, reason="LLAMA_SWAP names no program")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("text", PEERS)
def test_llama_swap_is_let_through_once_mended(text: str, tabby: Server, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{tabby.port}"
    before = text.format(url=url)
    after = mended("llama-swap", before, url)
    assert not passes("llama-swap", tmp_path / "before", before)
    assert passes("llama-swap", tmp_path / "after", after), after


@pytest.mark.skipif(not LLAMA_SWAP, reason="LLAMA_SWAP names no program")
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "macros", ["key: ${{env.TABBY_API_KEY}}", "a: ${{env.TABBY_API_KEY}}\n  key: ${{a}}"]
)
def test_a_key_by_a_macro_is_sent_and_left(macros: str, tabby: Server, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{tabby.port}"
    peer = f"    proxy: {url}\n    apiKey: ${{key}}\n    models: [m]\n"
    text = f"macros:\n  {macros}\npeers:\n  tabby:\n{peer}".replace("{{", "{").replace("}}", "}")
    assert mended("llama-swap", text, url) == text
    assert passes("llama-swap", tmp_path / "given", text)


@pytest.mark.heavy
@pytest.mark.skipif(not LITELLM, reason="LITELLM_PYTHON names no interpreter")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("text", ENTRIES)
def test_litellm_is_let_through_once_mended(text: str, tabby: Server, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{tabby.port}"
    before = text.format(url=url)
    after = mended("litellm", before, url)
    assert not passes("litellm", tmp_path / "before", before)
    assert passes("litellm", tmp_path / "after", after), after
