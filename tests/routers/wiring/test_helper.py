"""The functions that a wired router calls, run by themselves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tabbydoctor.routers.wiring import block

# Routers that other tests of this process loaded leave clients to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
PARTS = ("auth", "trace", "request", "connection", "serves", "kept")
URLS = ("http://localhost:5000",)


def helper(tokens: str = "/nowhere", key: block.KeyFrom = "tokens") -> dict[str, Any]:
    """The names of the block."""
    text = block.rendered(PARTS, key, URLS, tokens)
    names: dict[str, Any] = {}
    exec(compile(text, "block", "exec"), names)
    return names


HELPER = helper()


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:5000/v1",
        "http://LOCALHOST:5000",
        "http://127.0.0.1:5000/health",
        "http://127.0.0.53:5000/",
        "http://127.1:5000/",
        "http://[::1]:5000/",
        "http://[::ffff:127.0.0.1]:5000/",
        "http://0.0.0.0:5000/",
        "http://user:password@localhost:5000/",
        "http://localhost.:5000/",
    ],
)
def test_every_name_of_this_machine_is_tabbyapi(url: str) -> None:
    assert HELPER["_tabby_serves"](url)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:5001/",
        "http://localhost/",
        "https://localhost/",
        "http://127.evil.example:5000/",
        "http://localhost.evil.example:5000/",
        "http://localhost@evil.example:5000/",
        "http://192.168.1.2:5000/",
        "http://[fe80::1]:5000/",
        "http://localhost:notaport/",
        "http://[broken/",
        "/v1/models",
        "",
    ],
)
def test_nothing_else_is(url: str) -> None:
    assert not HELPER["_tabby_serves"](url)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("api_key: abc\nadmin_key: def\n", "abc"),
        ("admin_key: def\napi_key: abc", "abc"),
        ("# note\r\napi_key: abc  # mine\r\nadmin_key: def\r\n", "abc"),
        ("\ufeffapi_key: abc\n", "abc"),
        ("---\napi_key: 'ab#c'\n", "ab#c"),
        ('api_key: "abc"\n', "abc"),
        ("api_key:\n- abc\n- def\nadmin_key: ghi\n", "abc"),
        ("api_key:\n  # the first\n  - abc\n  - def\n", "abc"),
        ("api_key: [abc, 'def']\n", "abc"),
        ("api_key: [\n  abc,\n  def]\n", "abc"),
        ('"api_key": abc\n', "abc"),
        ("api_key: 1234abcd\n", "1234abcd"),
        ('api_key: "\\x61bc"\n', "abc"),
        ("other: &k abc\napi_key: *k\n", "abc"),
        ("api_key: 12345678901234567890123456789012\n", ""),
        ("api_key: 12e3456789\n", ""),
        ("api_key: true\n", ""),
        ("api_key:\nadmin_key: def\n", ""),
        ("api_key: []\nadmin_key: def\n", ""),
        ("api_key: ''\n", ""),
        ("api_key: 'with space'\n", ""),
        ("api_key: schlüssel\n", ""),
        ("admin_key: def\n", ""),
        ("admin:\n  api_key: abc\n", ""),
        ("api_key: abc\napi_key: def\n", ""),
        ("api_key: abc\nadmin_key: def\nadmin_key: def\n", ""),
        ("api_key: {broken\n", ""),
        ("text: |\n  api_key: abc\n", ""),
        ("", ""),
        ("api_key: a: b\n", ""),
    ],
)
def test_the_key_is_read_as_tabbyapi_reads_it(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "api_tokens.yml"
    path.write_bytes(text.encode())
    assert helper(str(path))["_tabby_key"]() == key


WORDS = st.text("ab1e.-_ '\"#:,[]{}&*!|>\\\t", max_size=6)
LINES = st.lists(
    st.one_of(
        st.builds("api_key: {}".format, WORDS),
        st.builds("admin_key: {}".format, WORDS),
        st.builds("- {}".format, WORDS),
        st.builds("  - {}".format, WORDS),
        st.just("api_key:"),
        st.just("# note"),
        st.just("---"),
    ),
    max_size=4,
)


@given(LINES, st.sampled_from(["\n", "\r\n"]))
def test_what_is_read_without_a_library_is_what_the_library_reads(
    lines: list[str], newline: str
) -> None:
    text = newline.join(lines)
    asked: list[str] = []
    names = helper()

    def load(text: str) -> dict[str, object]:
        asked.append(text)
        return {}

    names["_tabby_load"] = load
    plain = names["_tabby_read"](text)
    if asked:
        return
    try:
        true = YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        pytest.fail(f"{text!r} is no YAML, and was read as {plain!r}")
    value = true["api_key"]
    assert plain == (value if isinstance(value, list) else [value])


def test_without_a_yaml_library_only_plain_lines_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ruamel.yaml", None)
    monkeypatch.setitem(sys.modules, "yaml", None)
    path = tmp_path / "api_tokens.yml"
    key = helper(str(path))["_tabby_key"]
    path.write_text("api_key: abc\n")
    assert key() == "abc"
    path.write_text("x: &k abc\napi_key: *k\n")
    assert key() == ""
    path.unlink()
    path.mkdir()
    assert key() == ""


def test_the_credential_comes_before_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = helper(key="environment")["_tabby_key"]
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("TABBY_API_KEY", raising=False)
    assert key() == ""
    monkeypatch.setenv("TABBY_API_KEY", "of-the-variable")
    assert key() == "of-the-variable"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert key() == "of-the-variable"
    (tmp_path / "tabby_api_key").write_text("of-the-credential\n")
    assert key() == "of-the-credential"


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ({}, {"Authorization": "Bearer abc"}),
        ({"Accept": "*/*"}, {"Accept": "*/*", "Authorization": "Bearer abc"}),
        ({"authorization": "Bearer own"}, {"Authorization": "Bearer abc"}),
        ({"X-API-Key": "own"}, {"Authorization": "Bearer abc"}),
        ({"Authorization": "Bearer "}, {"Authorization": "Bearer abc"}),
        ({"authorization": "Bearer not-needed"}, {"Authorization": "Bearer abc"}),
        ({"authorization": "Bearer abc"}, {"Authorization": "Bearer abc"}),
    ],
)
def test_the_key_takes_the_place_of_what_is_there(
    tmp_path: Path, headers: dict[str, str], sent: dict[str, str]
) -> None:
    path = tmp_path / "api_tokens.yml"
    path.write_text("api_key: abc\n")
    helper(str(path))["_tabby_authorize"](headers)
    assert headers == sent


@pytest.mark.parametrize(
    ("text", "auth", "host"),
    [
        ("network:\n  host: 10.0.0.1\n  disable_auth: true\n", "true", "10.0.0.1"),
        ("network:\r\n  disable_auth: yes  # for now\r\n\r\nmodel:\r\n  host: x\r\n", "yes", "no"),
        ("model:\n  disable_auth: true\n", "false", "no"),
        ("network: {disable_auth: true, host: '::1'}\n", "true", '"::1"'),
        ('network:\n  host: "::"\n', "false", '"::"'),
        ("network: [\n", "false", "no"),
        ("", "false", "no"),
    ],
)
def test_a_configuration_keeps_its_authentication(
    tmp_path: Path, text: str, auth: str, host: str
) -> None:
    path = tmp_path / "config.yml"
    path.write_bytes(text.encode())
    assert HELPER["_tabby_kept"](str(path), "disable_auth", "false") == auth
    assert HELPER["_tabby_kept"](str(path), "host", "no") == host
    assert HELPER["_tabby_kept"](str(tmp_path / "none.yml"), "host", "no") == "no"


def test_what_the_block_says_of_a_key_that_is_sent_is_so() -> None:
    names, headers = helper(), {"Authorization": "Bearer own"}
    names["_tabby_keys"] = lambda: ["tabbys"]
    names["_tabby_authorize"](headers)
    told = " ".join(str(each.__doc__) for name, each in names.items() if name.startswith("_tabby"))
    assert headers["Authorization"] == "Bearer tabbys"
    assert "in the place of whatever key they carry" in told
