"""Gateways configured in YAML: the key is referred to where TabbyAPI is reached, nowhere else."""

from __future__ import annotations

import pytest
import yaml

from tabbydoctor.remedies.snippets import every, snippet
from tabbydoctor.routers import litellm, llama_swap
from tabbydoctor.routers.kind import CannotGiveKey

URLS = ("http://127.0.0.1:5000",)
LITELLM = """\
# our models
model_list:
  - model_name: big   # exl3
    litellm_params:
      model: openai/big
      api_base: http://localhost:5000/v1
  - model_name: other
    litellm_params:
      model: openai/other
      api_base: http://127.0.0.1:8085/v1
      api_key: none
  - {model_name: flow, litellm_params: {model: openai/flow, api_base: "http://127.0.0.1:5000/v1"}}
"""
LLAMA_SWAP = """\
healthCheckTimeout: 60
peers:
  tabby:
    proxy: http://127.0.0.1:5000
    models: [big]
  elsewhere:
    proxy: http://192.0.2.7:5000
    models: [far]
models:
  small:
    cmd: llama-server --port ${PORT}
    proxy: http://127.0.0.1:8085
"""


def changed(before: str, after: bytes) -> list[str]:
    """The lines that are in the result and were not before."""
    lines = before.splitlines()
    return [line.strip() for line in after.decode().splitlines() if line not in lines]


def test_litellm_refers_to_the_key_where_it_reaches_tabbyapi_only() -> None:
    result = litellm.with_key(LITELLM.encode(), URLS)
    entries = {
        one["model_name"]: one["litellm_params"] for one in yaml.safe_load(result)["model_list"]
    }
    assert entries["big"]["api_key"] == "os.environ/TABBY_API_KEY"
    assert entries["flow"]["api_key"] == "os.environ/TABBY_API_KEY"
    assert entries["other"]["api_key"] == "none"
    assert len(changed(LITELLM, result)) == 2
    assert litellm.with_key(result, URLS) == result
    reading = litellm.read("config.yaml", result.decode(), URLS)
    assert all(call.sends_key for call in reading.calls)


def test_a_reference_to_tabbyapis_key_is_kept_whatever_its_name() -> None:
    entry = "model_list:\n- model_name: m\n  litellm_params:\n    model: openai/m\n"
    entry += "    api_base: http://127.0.0.1:5000/v1\n    api_key: os.environ/{}\n"
    for name, kept in {
        "MY_TABBY_KEY": True,
        "TABBY_ADMIN_KEY": False,
        "OPENAI_API_KEY": False,
    }.items():
        text = entry.format(name).encode()
        assert (litellm.with_key(text, URLS) == text) is kept
    peer = "peers:\n  t:\n    proxy: http://127.0.0.1:5000\n    apiKey: ${env.MY_TABBY_KEY}\n"
    assert llama_swap.with_key(peer.encode(), URLS) == peer.encode()


def test_llama_swap_refers_to_the_key_in_the_peer_that_is_tabbyapi() -> None:
    result = llama_swap.with_key(LLAMA_SWAP.encode(), URLS)
    peers = yaml.safe_load(result)["peers"]
    assert peers["tabby"]["apiKey"] == "${env.TABBY_API_KEY}"
    assert "apiKey" not in peers["elsewhere"]
    assert len(changed(LLAMA_SWAP, result)) == 1
    assert llama_swap.with_key(result, URLS) == result
    reading = llama_swap.read("config.yaml", result.decode(), URLS)
    assert all(call.sends_key for call in reading.of("forward"))


def test_a_model_of_llama_swap_cannot_send_a_key_and_the_way_out_is_shown() -> None:
    config = "models:\n  big:\n    proxy: http://127.0.0.1:5000\n    checkEndpoint: /v1/models\n"
    with pytest.raises(CannotGiveKey) as refused:
        llama_swap.with_key(config.encode(), URLS)
    shown = yaml.safe_load(refused.value.manual)["peers"]["tabbyapi"]
    assert shown["proxy"] == "http://127.0.0.1:5000"
    assert shown["apiKey"] == "${env.TABBY_API_KEY}"


@pytest.mark.parametrize("text", ["model_list: [", "- a\n- b\n", "", "model_list: nothing\n"])
def test_odd_files_are_refused_or_left(text: str) -> None:
    try:
        assert litellm.with_key(text.encode(), URLS) == text.encode()
    except CannotGiveKey:
        assert text == "model_list: ["


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/etc/nginx/sites-enabled/llm", "proxy_set_header Authorization"),
        ("/etc/caddy/Caddyfile", "header_up Authorization"),
        ("/etc/haproxy/haproxy.cfg", "http-request set-header Authorization"),
        ("/etc/traefik/dynamic.yml", "customRequestHeaders"),
        ("/opt/open-webui/.env", "Open WebUI"),
        ("/opt/SillyTavern/config.yaml", "SillyTavern"),
    ],
)
def test_the_exact_snippet_for_others(path: str, word: str) -> None:
    url = "http://127.0.0.1:5000"
    assert word in snippet(path, "", url)
    assert word in every(url)
    assert "{" not in snippet("/etc/nginx/nginx.conf", "", url)


def test_traefiks_template_and_caddys_braces_come_out_as_they_are_written() -> None:
    assert '{{ env "TABBY_API_KEY" }}' in snippet("traefik.yml", "", "x")
    assert "{env.TABBY_API_KEY}" in snippet("Caddyfile", "", "x")
    assert '"Bearer ${TABBY_API_KEY}"' in snippet("haproxy.cfg", "", "x")
