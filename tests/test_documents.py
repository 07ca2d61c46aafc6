"""Parsing hostile texts: an answer or one kind of error, whatever they hold."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tabbydoctor import documents
from tabbydoctor.documents import Unreadable
from tabbydoctor.host.data import HttpAnswer
from tabbydoctor.routers import litellm, llama_swap, python
from tabbydoctor.tabbyapi import answers, tokens_document
from tabbydoctor.tabbyapi.installed import read_keys
from tabbydoctor.yaml import yaml12
from tabbydoctor.yaml.yaml11 import document, yaml_of

URLS = ("http://127.0.0.1:5000",)
READERS: Mapping[str, Callable[[bytes], object]] = {
    "yaml": yaml_of,
    "yaml text": lambda data: yaml_of(data.decode(errors="replace")),
    "json": documents.json_of,
    "toml": lambda data: documents.toml_of(data.decode(errors="replace")),
    "python": lambda data: documents.python_of(data.decode(errors="replace")),
    "the installed keys": lambda data: read_keys(data.decode(errors="replace")),
}
"""May raise Unreadable."""
TOLERANT: Mapping[str, Callable[[bytes], object]] = {
    "config.yml": yaml12.document,
    "api_tokens.yml": tokens_document.parse,
    "yaml with lines": lambda data: document(data.decode(errors="replace")),
    "litellm": lambda data: litellm.read("/r.yaml", data.decode(errors="replace"), URLS),
    "llama-swap": lambda data: llama_swap.read("/r.yaml", data.decode(errors="replace"), URLS),
    "python router": lambda data: python.read("/r.py", data.decode(errors="replace"), URLS),
    "an answer": lambda data: answers.document(HttpAnswer("", status=200, body=data)),
}
"""Raise nothing."""
WORDS = st.sampled_from(
    [
        "a", "key", ": ", ":", "\n", "- ", "[", "]", "{", "}", ",", "&a ", "*a", "<<: ", "!!int ",
        "!!bool ", "!!timestamp ", "!!binary ", "!!set ", "!!omap ", "!x ", "1:1", "0x", "9" * 400,
        "~", "? ", "|\n", ">", "'", '"', "#", "%", "\t", "2001-99-99", ".inf", "1e999", "=",
        "model_list:\n", "models:\n", "litellm_params:\n", "apiKey: ", "def f():\n", "  ", "(", ")",
        "not ", "lambda: ", ".a", "import httpx\n", "x = x + x\n", "f'{x}'", "api_key: ", "\u2028",
        "²", "\x00", "\ufeff", "---\n", "...\n", "null", "true", "1_000", "0o7", "@",
    ]
)  # fmt: skip
TEXTS = st.binary(max_size=400) | st.lists(WORDS, max_size=60).map(lambda w: "".join(w).encode())


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())
@settings(deadline=None)
@given(data=TEXTS)
def test_any_bytes_are_read_or_refused(reader: Callable[[bytes], object], data: bytes) -> None:
    with contextlib.suppress(Unreadable):
        str(reader(data))


@pytest.mark.parametrize("reader", TOLERANT.values(), ids=TOLERANT.keys())
@settings(deadline=None)
@given(data=TEXTS)
def test_any_bytes_are_an_answer(reader: Callable[[bytes], object], data: bytes) -> None:
    str(reader(data))


def bomb(open_: str, close: str) -> str:
    lines = ["a0: &a0 " + open_ + "x: 1, y: 2" + close if open_ == "{" else "a0: &a0 [x, y]"]
    for n in range(1, 30):
        inner = ", ".join(f"k{i}: *a{n - 1}" if open_ == "{" else f"*a{n - 1}" for i in range(9))
        lines.append(f"a{n}: &a{n} {open_}{inner}{close}")
    return "\n".join(lines)


MERGES = "a0: &a0 {x: 1, y: 2}\n" + "\n".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 30)
)
REFUSED: Mapping[str, tuple[str, str]] = {
    "aliases in lists": ("yaml", bomb("[", "]")),
    "aliases in mappings": ("yaml", bomb("{", "}")),
    "merge keys": ("yaml", MERGES),
    "a mapping in itself": ("yaml", "a: &a {b: *a}"),
    "a list in itself": ("yaml", "&a [*a]"),
    "deep lists": ("yaml", "[" * 100_000),
    "deep lists, closed": ("yaml", "[" * 50_000 + "]" * 50_000),
    "deep mappings": ("yaml", "{a: " * 50_000),
    "deep blocks": ("yaml", "- " * 100_000),
    "deep keys": ("yaml", "? " * 100_000),
    "many values": ("yaml", "- a\n" * 60_000),
    "a long text": ("yaml", "a" * 300_000),
    "an integer": ("yaml", "port: " + "9" * 100_000),
    "a hexadecimal integer": ("yaml", "port: 0x" + "f" * 100_000),
    "a binary integer": ("yaml", "port: 0b" + "1" * 100_000),
    "base sixty": ("yaml", "port: 1" + ":1" * 50_000),
    "base sixty, a float": ("yaml", "port: 1" + ":1" * 50_000 + ".5"),
    "a float of base sixty beyond all": ("yaml", "port: 1" + ":59" * 250 + ".5"),
    "a date that is none": ("yaml", "a: 2001-99-99"),
    "not an integer": ("yaml", "a: !!int x"),
    "not a truth": ("yaml", "a: !!bool x"),
    "not a time": ("yaml", "a: !!timestamp x"),
    "not a float": ("yaml", "a: !!float x"),
    "a key that is a list": ("yaml", "? [a]\n: b"),
    "an object": ("yaml", "a: !!python/object:os.system x"),
    "JSON: deep lists": ("json", "[" * 1_000_000),
    "JSON: deep objects": ("json", '{"a":' * 1_000_000),
    "JSON: deep and closed": ("json", "[" * 100_000 + "]" * 100_000),
    "JSON: an integer": ("json", "9" * 100_000),
    "JSON: many objects": ("json", "[" + "{}," * 1_000_000 + "{}]"),
    "JSON: not UTF-8": ("json", "\udcff"),
    "TOML: deep lists": ("toml", "a = " + "[" * 100_000),
    "TOML: an integer": ("toml", "a = " + "9" * 100_000),
    "TOML: much": ("toml", "a = 1\n" * 60_000),
    "Python: not": ("python", "not " * 50_000 + "x"),
    "Python: attributes": ("python", "x" + ".a" * 50_000),
    "Python: much": ("python", "a\n" * 400_000),
    "Python: an integer": ("python", "9" * 100_000),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_cost_too_much_or_has_no_meaning_is_refused(name: str) -> None:
    kind, text = REFUSED[name]
    with pytest.raises(Unreadable):
        READERS[kind](text.encode(errors="surrogateescape"))


def test_messages_quote_no_value() -> None:
    for text in ("key: 'abcsecretdef", "key: !!int abcsecretdef", "- abcsecretdef\nb: 1"):
        with pytest.raises(Unreadable) as refused:
            yaml_of(text)
        assert "secret" not in str(refused.value)


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
DATA: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(data=DATA)
def test_what_is_harmless_is_read_as_before(data: Any) -> None:
    text = yaml.safe_dump(data)
    assert yaml_of(text) == yaml.safe_load(text)
    assert documents.json_of(json.dumps(data)) == data


@given(text=st.text(max_size=30))
def test_a_whole_number_is_ascii_digits_alone(text: str) -> None:
    number = documents.whole_number(text)
    assert (number is not None) == (text.isascii() and text.isdigit() and len(text) <= 18)
