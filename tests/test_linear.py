"""What reads foreign text takes time linear in it: with a quadratic pattern these would not end.

No clock is looked at: half a million characters, squared, are hours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tabbydoctor.gpu import backend
from tabbydoctor.host.data import HttpAnswer
from tabbydoctor.nixos import module
from tabbydoctor.redaction import redact, redact_file, remember
from tabbydoctor.remedies.snippets import snippet
from tabbydoctor.routers import llama_swap, marked_block
from tabbydoctor.tabbyapi import arguments, tokens_document
from tabbydoctor.tabbyapi.answers import introduction
from tabbydoctor.tabbyapi.known_lines import KNOWN_LINES
from tabbydoctor.tabbyapi.last_words import last_words
from tabbydoctor.tabbyapi.log import LogLine
from tabbydoctor.yaml.problems import without_values

SIZE = 500_000


def _page(text: str) -> str:
    return introduction(HttpAnswer(url="http://x/", status=200, body=text.encode()))


READERS: dict[str, tuple[Callable[[str], Any], list[str]]] = {
    "known log lines": (
        lambda text: [kind.pattern.search(text) for kind in KNOWN_LINES],
        [
            "The '",
            "The YAML config from '",
            "[Errno 98]",
            "model ",
            "exl2 ",
            '"a a',
            "a",
            "Required tensor ",
        ],
    ),
    "last words": (
        lambda text: last_words([LogLine(text)]),
        ["[Errno 13] error while attempting to bind", "can't open file '", ": No module named "],
    ),
    "a page": (_page, ["<title>", "<title", "a"]),
    "arguments": (
        lambda text: arguments._without_values(text, []),
        ["-", "--a", "invalid choice: '"],
    ),
    "a YAML error": (without_values, [" ", "'a", "\n"]),
    "tokens": (tokens_document._loose_secrets, ["a", "a:", " #", "abcdefgh,"]),
    "llama-swap": (
        lambda text: llama_swap.recognises("x.yml", text),
        ["\n", "a\n", " ", "proxy "],
    ),
    "a marked block": (marked_block.BLOCK.search, ["# >>> tabbydoctor\n", "\n", "a"]),
    "TabbyAPI's source": (backend._DEFAULT.search, ["\n", " ", "cache_size_default"]),
    "a Nix comment": (lambda text: module._COMMENT.sub("", text), ["/*", "#", "*"]),
    "a gateway": (lambda text: snippet("x", text, "http://x"), ["backend a ", "a"]),
}


@pytest.mark.parametrize(
    ("reader", "word"), [(name, word) for name, (_, words) in READERS.items() for word in words]
)
def test_of_a_reader(reader: str, word: str) -> None:
    READERS[reader][0](word * (SIZE // len(word)))


@pytest.mark.parametrize("word", ["a", "key_", "0f", "Zx9", "token ", 'key="', "/", "\\", "%4"])
def test_of_the_redactor(word: str) -> None:
    remember("a-key-that-is-remembered")
    text = word * (SIZE // len(word))
    redact(text)
    redact_file(text, "x.yml")
