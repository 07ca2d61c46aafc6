"""Open WebUI's environment and SillyTavern's secrets: which key goes to TabbyAPI, and where to."""

from __future__ import annotations

import json

import pytest

from tabbydoctor.routers import open_webui, sillytavern
from tabbydoctor.routers.gateways.text import edited_text
from tabbydoctor.routers.kinds import BUILT_IN

URLS = ("http://127.0.0.1:5000",)
KEY = "a1" * 16
ODD = ('{"api_key_tabby": [', '{"api_key_tabby": 7}', '["api_key_tabby"]')
COMPOSE = """\
services:
  open-webui:
    image: ghcr.io/open-webui/open-webui:main
    environment:
      - OPENAI_API_BASE_URL=http://tabbyapi:5000{path}
      - {key}
"""
ENV = """\
# Open WebUI
OPENAI_API_BASE_URLS="http://127.0.0.1:8085/v1;http://127.0.0.1:5000{path}"
OPENAI_API_KEYS="sk-other-backend;{key}"
"""


@pytest.mark.parametrize(
    ("key", "sends", "source"),
    [
        (f"OPENAI_API_KEY={KEY}", True, "a key written in the configuration"),
        ("OPENAI_API_KEY=${TABBY_API_KEY}", True, "environment TABBY_API_KEY"),
        ("OPENAI_API_KEY=", False, ""),
        ("WEBUI_AUTH=false", False, ""),
        ("OPENAI_API_KEY=none", False, "a placeholder"),
    ],
)
def test_the_key_of_a_compose_file(key: str, sends: bool, source: str) -> None:
    text = COMPOSE.format(path="/v1", key=key)
    assert BUILT_IN.of("/srv/compose.yaml", text) == "open-webui"
    reading = open_webui.read("/srv/compose.yaml", text, URLS)
    assert [(c.line, c.sends_key, c.key_from) for c in reading.calls] == [(5, sends, source)]
    assert KEY not in repr(reading)
    (edit,) = [one for one in reading.by_hand if one.concern == "key"]
    mended = edited_text(text, [edit]).replace("<api_key>", KEY)
    assert open_webui.read("/srv/compose.yaml", mended, URLS).literal_keys == (KEY,)
    assert mended.count("OPENAI_API_KEY=") == 1


def test_the_key_at_its_place_of_a_list() -> None:
    text = ENV.format(path="/v1", key="wrong")
    reading = open_webui.read("/srv/.env", text, URLS)
    assert reading.literal_keys == ("wrong",)
    assert reading.leaks == ()
    (edit,) = [one for one in reading.by_hand if one.concern == "key"]
    assert edit.lines == ('OPENAI_API_KEYS="sk-other-backend;<api_key>"',)


@pytest.mark.parametrize("path", ["", "/", "/v1/chat/completions"])
def test_an_address_that_misses(path: str) -> None:
    text = ENV.format(path=path, key=KEY)
    reading = open_webui.read("/srv/.env", text, URLS)
    (miss,) = reading.misses
    assert (miss.line, miss.meant) == (2, "http://127.0.0.1:5000/v1")
    mended = edited_text(text, [one for one in reading.by_hand if one.concern == "path"])
    assert open_webui.read("/srv/.env", mended, URLS).misses == ()


def test_the_same_key_for_another_server_leaks() -> None:
    text = ENV.format(path="/v1", key="sk-other-backend")
    assert open_webui.read("/srv/.env", text, URLS).leaks == (3,)


@pytest.mark.parametrize(
    "secret", [KEY, [{"value": "old", "active": False}, {"value": KEY, "active": True}]]
)
def test_sillytaverns_secret(secret: object) -> None:
    text = json.dumps({"api_key_openai": "x", "api_key_tabby": secret}, indent=4)
    assert BUILT_IN.of("/opt/SillyTavern/data/default-user/secrets.json", text) == "sillytavern"
    reading = sillytavern.read("/secrets.json", text, URLS)
    assert reading.literal_keys == (KEY,)
    assert [(call.line, call.sends_key) for call in reading.calls] == [(3, True)]


def test_sillytaverns_line() -> None:
    text = json.dumps({"api_key_tabby": "old", "api_key_openai": "x"}, indent=4)
    edits = sillytavern.read("/secrets.json", text, URLS).by_hand
    mended = edited_text(text, edits).replace("<api_key>", KEY)
    assert json.loads(mended) == {"api_key_tabby": KEY, "api_key_openai": "x"}


@pytest.mark.parametrize(
    "text", ['{"api_key_tabby": [', '{"api_key_tabby": 7}', '["api_key_tabby"]']
)
def test_odd_secrets_are_no_traceback(text: str) -> None:
    reading = sillytavern.read("/secrets.json", text, URLS)
    assert reading.problem or not any(call.sends_key for call in reading.calls)
