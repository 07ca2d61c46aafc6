"""LiteLLM and llama-swap configurations."""

from __future__ import annotations

import pytest

from tabbydoctor.routers import litellm, llama_swap
from tabbydoctor.routers.keys import CLIENT_OWN

URLS = ("http://127.0.0.1:5000",)

LITELLM = """model_list:
  - model_name: big
    litellm_params:
      model: openai/Big-exl3
      api_base: http://localhost:5000/v1
      {key}
  - model_name: small
    litellm_params:
      model: openai/small
      api_base: http://localhost:8085/v1
      api_key: os.environ/LLAMA_KEY
"""

SWAP = """peers:
  tabby:
    proxy: http://127.0.0.1:5000
    {key}
models:
  llama:
    cmd: llama-server --port 9001
    proxy: http://127.0.0.1:9001
"""


@pytest.mark.parametrize(
    ("key", "sends", "source"),
    [
        ("api_key: os.environ/TABBY_API_KEY", True, "environment TABBY_API_KEY"),
        ("api_key: 0123456789abcdef", True, "a key written in the configuration"),
        ("api_key: none", False, ""),
        ("rpm: 60", False, ""),
    ],
)
def test_litellm_entry_sends_its_key(key: str, sends: bool, source: str) -> None:
    text = LITELLM.format(key=key)
    assert litellm.recognises("/etc/litellm/config.yaml", text)
    reading = litellm.read("/etc/litellm/config.yaml", text, URLS)
    assert [(c.line, c.purpose, c.sends_key, c.key_from) for c in reading.calls] == [
        (5, "forward", sends, source)
    ]
    assert reading.leaks == ()
    assert "0123456789abcdef" not in repr(reading)


def test_litellm_probes_with_background_health_checks() -> None:
    text = LITELLM.format(key="rpm: 1") + "general_settings:\n  background_health_checks: true\n"
    reading = litellm.read("/config.yaml", text, URLS)
    assert [call.purpose for call in reading.calls] == ["forward", "probe"]


def test_litellm_key_given_to_another_backend_leaks() -> None:
    text = LITELLM.format(key="api_key: os.environ/LLAMA_KEY")
    assert litellm.read("/config.yaml", text, URLS).leaks == (11,)


def test_litellm_url_from_the_environment() -> None:
    text = LITELLM.replace("http://localhost:5000/v1", "os.environ/TABBY_URL")
    given = {"TABBY_URL": "http://127.0.0.1:5000/v1"}
    reading = litellm.read("/config.yaml", text.format(key="rpm: 1"), URLS, environment=given)
    assert reading.addresses == ("http://127.0.0.1:5000/v1",)


def test_broken_yaml_is_told_with_its_line() -> None:
    reading = litellm.read("/config.yaml", "model_list:\n\t- x\n", URLS)
    assert reading.problem.startswith("not valid YAML")
    assert reading.line == 2


@pytest.mark.parametrize(
    ("key", "sends"), [("apiKey: ${{env.TABBY_API_KEY}}", True), ("timeoutSeconds: 3", False)]
)
def test_llama_swap_peer_sends_its_key(key: str, sends: bool) -> None:
    text = SWAP.format(key=key).replace("{{", "{").replace("}}", "}")
    assert llama_swap.recognises("/etc/llama-swap/config.yaml", text)
    reading = llama_swap.read("/etc/llama-swap/config.yaml", text, URLS)
    assert [(call.purpose, call.sends_key) for call in reading.calls] == [("forward", sends)]
    assert reading.backends == {
        "tabby": "http://127.0.0.1:5000",
        "llama": "http://127.0.0.1:9001",
    }


def test_llama_swap_model_probes_without_a_key() -> None:
    text = (
        "models:\n  tabby:\n    cmd: run-tabby\n    proxy: http://127.0.0.1:5000\n"
        "    checkEndpoint: /v1/models\n"
    )
    probe, forward = llama_swap.read("/c.yaml", text, URLS).calls
    assert (probe.purpose, probe.line, probe.path, probe.sends_key) == (
        "probe",
        5,
        "/v1/models",
        False,
    )
    assert (forward.sends_key, forward.key_from) == (False, CLIENT_OWN)


@pytest.mark.parametrize(
    "macros",
    ["key: ${env.TABBY_API_KEY}", "inner: ${env.TABBY_API_KEY}\n  key: ${inner}"],
)
def test_a_macro_of_llama_swap_is_what_it_stands_for(macros: str) -> None:
    text = (
        f"macros:\n  tabby: http://127.0.0.1:5000\n  check: v1/models\n  {macros}\n"
        "models:\n  one:\n    macros: {check: health}\n    cmd: run ${MODEL_ID}\n"
        "    proxy: ${tabby}\n    checkEndpoint: /${check}\n"
        "peers:\n  two:\n    proxy: http://127.0.0.1:5000\n    apiKey: ${key}\n    models: [m]\n"
        "  three:\n    proxy: ${tabby}\n    models: [n]\n"  # refused: only a key takes them
    )
    reading = llama_swap.read("/c.yaml", text, URLS)
    assert [(call.function, call.path, call.sends_key) for call in reading.calls] == [
        ("one", "/health", False),
        ("one", "/v1/chat/completions", False),
        ("two", "/v1/chat/completions", True),
    ]
    assert list(reading.reads_environment) == ["TABBY_API_KEY"]
    assert reading.literal_keys == ()


def test_macros_that_grow_are_left() -> None:
    grown = "".join(f"  m{n}: ${{m{n - 1}}}${{m{n - 1}}}\n" for n in range(1, 60))
    text = f"macros:\n  m0: x\n{grown}models:\n  one: {{cmd: a, proxy: '${{m59}}'}}\n"
    assert llama_swap.read("/c.yaml", text, URLS).backends == {"one": "${m59}"}


@pytest.mark.parametrize("odd", ["7", "[a]", "{m: [1]}", "{m: {a: b}}", "{7: 8}"])
def test_odd_macros_are_no_traceback(odd: str) -> None:
    text = f"macros: {odd}\nmodels:\n  one: {{cmd: a, proxy: '${{m}}'}}\n"
    assert llama_swap.read("/c.yaml", text, URLS).backends == {"one": "${m}"}
