"""What holds of the redactor for any key and any text."""

from __future__ import annotations

import base64
import json
import random
import re
import sys
import textwrap
import urllib.parse
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from tabbydoctor.redaction import MARK, forget_all, redact, redact_file, redact_path, remember
from tests.redaction import innocents, planted

PATHS = ("log", "/x/router.py", "/x/settings.yml")


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    forget_all()
    yield
    forget_all()


def shown(path: str, text: str) -> str:
    return redact(text) if path == "log" else redact_file(text, path)


def _wrapped(text: str, columns: int) -> str:
    return "\n    ".join(text[at : at + columns] for at in range(0, len(text), columns))


def _base64(before: bytes, key: str, after: bytes) -> str:
    return base64.b64encode(before + key.encode() + after).decode()


FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "base64": lambda key: _base64(b"", key, b""),
    "base64, one in": lambda key: _base64(b"x", key, b"yz"),
    "base64, two in": lambda key: _base64(b"xy", key, b"z"),
    "basic": lambda key: _base64(b"user:", key, b""),
    "url-safe base64": lambda key: base64.urlsafe_b64encode(f"ü:{key}".encode()).decode(),
    "base64 without its end": lambda key: _base64(b"", key, b"").rstrip("="),
    "base64, wrapped": lambda key: _wrapped(_base64(b"0123456789", key, b"0123456789"), 20),
    "base64 in a URL": lambda key: urllib.parse.quote(_base64(b"a", key, b""), safe=""),
    "hexadecimal": lambda key: key.encode().hex(),
    "HEXADECIMAL": lambda key: key.encode().hex().upper(),
    "hexadecimal, odd": lambda key: f"f{key.encode().hex()}",
    "hexadecimal, wrapped": lambda key: _wrapped(key.encode().hex(), 11),
    "pairs": lambda key: key.encode().hex(":"),
    "in a URL": lambda key: urllib.parse.quote(key, safe=""),
    "in a URL, every letter": lambda key: "".join(f"%{byte:02X}" for byte in key.encode()),
    "in a URL in a URL": lambda key: urllib.parse.quote(urllib.parse.quote(key, safe=""), safe=""),
    "JSON": json.dumps,
    "JSON in JSON": lambda key: json.dumps(json.dumps({"detail": key})),
    "unicode escapes": lambda key: "".join(f"\\u{ord(char):04x}" for char in key),
    "hexadecimal escapes": lambda key: "".join(f"\\x{ord(char):02x}" for char in key),
    "entities": lambda key: "".join(f"&#{ord(char)};" for char in key),
    "wrapped": lambda key: _wrapped(key, 5),
    "wrapped by a shell": lambda key: f"{key[:4]}\\\n  {key[4:]}",
    "wrapped in a diff": lambda key: f"+{key[:6]}\n+   {key[6:]}",
    "wrapped in a log": lambda key: "\n".join(textwrap.wrap(f"INFO: Your key is {key}", 30)),
    "wrapped in JSON": lambda key: json.dumps(_wrapped(key, 7)),
    "with invisible signs": lambda key: "\u200b".join(key),
    "in colour": lambda key: f"{key[:3]}\x1b[1;31m{key[3:]}",
    "twice": lambda key: key + key,
}
WHOLLY = [form for name, form in FORMS.items() if name not in ("base64, wrapped", "JSON in JSON")]
"""The forms of a key and of hardly anything else."""
KEYS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=64)
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
PLAIN_KEYS = st.text(st.sampled_from(LETTERS + "-_.~+"), min_size=8, max_size=300)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@given(key=PLAIN_KEYS, before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_remembered_key_shows_in_no_form(
    form: Callable[[str], str], key: str, before: str, after: str
) -> None:
    assume(key[0] not in "-+" and len(set(key)) > 4)
    forget_all()
    remember(key)
    written = form(key)
    hidden = redact(f"{before} {written} {after}")
    assert MARK in hidden
    assert key not in hidden
    if form in WHOLLY:  # no more stays than what it shares with its neighbours
        parts = re.split(r"[\s\0]+", hidden.replace(MARK, "\0"))
        assert not any(len(part) > 8 and part in written for part in parts)


@given(KEYS, st.text(max_size=30), st.text(max_size=30), st.sampled_from(PATHS))
def test_any_key_anywhere(key: str, before: str, after: str, path: str) -> None:
    assume(key not in MARK)
    assume(key[1:-1] not in f"{before}\0{after}")  # what is not the key may stay
    forget_all()
    remember(key)
    for written in (key, json.dumps(key), json.dumps(json.dumps(key)), urllib.parse.quote(key)):
        hidden = shown(path, f"{before}{written}{after}").replace(MARK, "\0")
        assert key not in hidden
        assert written[1:-1] not in hidden
    assert key not in redact_path(f"/srv/{key}/{before}").replace(MARK, "\0")


@given(st.lists(PLAIN_KEYS, min_size=1, max_size=30), st.text(max_size=10))
def test_of_many_keys_each_goes(keys: list[str], between: str) -> None:
    forget_all()
    for key in keys:
        remember(key)
    hidden = redact(between.join(keys)).replace(MARK, "\0")
    assert not any(key in hidden for key in keys)


WORDS = st.sampled_from(
    ["api_key", "token", "Authorization", "KEYS", "--api-key", "Bearer ", "x", "max_tokens", MARK,
     "abc123def456ghi", "Zx9kQ2mW8rT4yU6iO0pA3sD5", "0123456789abcdef0123456789abcdef",
     "sk-abcdefghijklmnopqrstuv", "/srv/x", "://u:pw12345@h", "os.environ.get(", "is", "bad",
     ":", "=", ": ", " = ", ",", ", ", '"', "'", "[", "]", "(", ")", "{", "}", "\n", "\n  - ",
     " ", "\\", "#", ";", "&", "?key=", "f", "$KEY", "%41", "\\n"]
)  # fmt: skip
TEXTS = st.lists(WORDS | st.text(max_size=5), max_size=25).map("".join)


@given(TEXTS, st.sampled_from(PATHS), st.booleans())
@example("?key=api_key)0`abc123def456ghi", "log", False)
def test_once_is_enough_and_lines_stay(text: str, path: str, known: bool) -> None:
    forget_all()
    if known:
        remember("abc123def456ghi")
        remember("hunter2")
    once = shown(path, text)
    assert shown(path, once) == once
    assert once.count("\n") == text.count("\n")


@given(st.lists(st.sampled_from(innocents.CASES), min_size=1, max_size=6), KEYS)
def test_innocents_stay_beside_each_other(cases: list[tuple[str, str]], key: str) -> None:
    forget_all()
    path = cases[0][0]
    text = "\n\n".join(text for where, text in cases if where == path)
    assume(key not in text)
    remember(key)
    assert shown(path, f"{text}\n") == f"{text}\n"


@given(st.sampled_from(planted.cases()), st.sampled_from(planted.cases()))
@settings(suppress_health_check=[HealthCheck.filter_too_much])
def test_planted_secrets_go_beside_each_other(one: tuple[str, str], two: tuple[str, str]) -> None:
    first, second, _ = planted.secrets()
    assume(one[0] == two[0])
    text = f"{planted.written(one[1], first)}\n{planted.written(two[1], second)}"
    hidden = shown(one[0], text)
    assert first not in hidden
    assert second not in hidden


def _steps(work: Callable[[], Any]) -> int:
    """How many calls a piece of work makes, of Python and of C: no clock in it."""
    count = 0

    def one(_frame: FrameType, _event: str, _argument: Any) -> None:
        nonlocal count
        count += 1

    sys.setprofile(one)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


CHANCE = random.Random(7)
REPEATED = [
    "a",
    "key",
    "token ",
    "api_key=",
    'api_key="',
    "key: [",
    "keys:\n",
    "keys:\n  - ",
    "# keys:\n",
    "Bearer ",
    "://",
    "://a:",
    "?key=",
    "[",
    '"',
    "\\",
    "\n",
    " ",
    "-",
    "=",
    "%41",
    "\\u0041",
    "/",
    "token=(",
    "x-api-key ",
    "your api key is: ",
    "{'a': ",
    "f(key=",
    "/token=",
    "deadbeef",
    "[redacted]",
    "key key key ",
    "a.b.",
    "authorization: bearer ",
    "\n# ",
    "-----BEGIN PRIVATE KEY-----",
    "\x1b[",
    "ab:",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("word", REPEATED)
def test_twice_the_text_is_twice_the_work(word: str, path: str) -> None:
    for number in range(20):
        remember(f"key-{number:032x}")
    shown(path, word)  # what is worked out once only
    one, two = (_steps(partial(shown, path, word * (n // len(word)))) for n in (8_000, 16_000))
    assert two <= 2.3 * one + 500
