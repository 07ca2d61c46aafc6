"""One redactor: remembered secrets, and what looks like one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabbydoctor.redaction import MARK, forget_all, redact, redact_all, remember, remember_named


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    forget_all()
    yield
    forget_all()


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer SECRETVALUE",
        "{'authorization': 'bearer SECRETVALUE', 'a': 1}",
        "curl -H 'X-API-Key: SECRETVALUE' http://x",
        "x-admin-key=SECRETVALUE",
        'Environment="TABBY_API_KEY=SECRETVALUE"',
        "api_key: SECRETVALUE",
        '{"admin_key": "SECRETVALUE"}',
        "Your API key is: SECRETVALUE",
        "Your admin key is: SECRETVALUE",
        "http://user:SECRETVALUE@host/",
        "--api-key SECRETVALUE --x".replace(" SECRET", "=SECRET"),
        "input_value={'api_key': SECRETVALUE}",
    ],
)
def test_what_looks_like_a_secret_goes(text: str) -> None:
    assert "SECRETVALUE" not in redact(text)
    assert MARK in redact(text)


def test_generated_keys_go_even_bare() -> None:
    assert redact("got 0123456789abcdef0123456789abcdef.") == f"got {MARK}."


@pytest.mark.parametrize(
    "text",
    [
        "network.disable_auth: true",
        "api_key is a list",
        "expected Authorization: Bearer <api_key>",
        "api_key: os.environ/TABBY_API_KEY is read",
        "X-API-Key: $TABBY_API_KEY",
        "LoadCredential=tabby_api_key:/etc/tabbydoctor/x.service/tabby_api_key",
        "/srv/tabby/api_tokens.yml:2",
        "commit e632af41eba68abeadc3437c62674360f2f8cbf1",
        "Please provide an API key",
        "systemctl restart tabbyapi.service",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact(text) == text


@given(
    st.text(min_size=1).filter(str.strip),
    st.text(max_size=30),
    st.text(max_size=30),
)
def test_a_remembered_secret_never_shows(secret: str, before: str, after: str) -> None:
    forget_all()
    remember(secret)
    shown = redact(f"{before} {secret} {after}")
    if len(secret) >= 8 and secret not in MARK:
        assert secret not in shown.replace(MARK, "")


def test_a_short_secret_goes_where_it_stands_alone() -> None:
    remember("key1")
    assert (
        redact("sent key1, got keychain and my-key1x") == f"sent {MARK}, got keychain and my-key1x"
    )


def test_the_longer_of_two_goes_whole() -> None:
    remember("abcdefgh")
    remember("abcdefghijkl")
    assert redact("abcdefghijkl") == MARK


def test_everything_inside_a_document() -> None:
    remember("topsecretvalue")
    document = {"a": ["topsecretvalue", 1, None, {"topsecretvalue": ("x topsecretvalue",)}]}
    assert redact_all(document) == {"a": [MARK, 1, None, {MARK: (f"x {MARK}",)}]}


def test_ten_thousand_keys_each_go() -> None:
    keys = [f"key-{number:032x}" for number in range(10_000)]
    for key in keys:
        remember(key)
    assert redact(" ".join(keys)) == " ".join([MARK] * len(keys))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TABBY_TOKENS_PATH", "/opt/TabbyAPI/api_tokens.yml"),
        ("TABBY_API_KEY", "/run/credentials/x.service/key"),
        ("MAX_TOKENS", "4096"),
        ("KEYBOARD", "qwertz-layout-1"),
        ("HF_TOKEN", "none"),
        ("TOKENS_FILE", "api_tokens.yml"),
    ],
)
def test_what_a_variable_holds_is_not_hidden_for_its_name_alone(name: str, value: str) -> None:
    remember_named(name, value)
    assert redact(f"seen at {value}, line 1") == f"seen at {value}, line 1"


@pytest.mark.parametrize("name", ["HF_TOKEN", "TABBY_API_KEY", "DB_PASSWORD", "KEY", "apiKey"])
def test_what_a_variable_of_a_secret_holds_is_remembered(name: str) -> None:
    remember_named(name, "Zx9-planted-41")
    assert redact("seen Zx9-planted-41 there") == f"seen {MARK} there"


@pytest.mark.parametrize("secret", ["key", "the", "1", "5000", "models"])
def test_a_short_word_goes_only_where_it_is_a_value(secret: str) -> None:
    remember(secret)
    text = f"the key of 1 server on port 5000 has models, and {secret} stays"
    assert redact(text) == text
    assert redact(f"'{secret}'") == f"'{MARK}'"
    assert redact(secret) == MARK
