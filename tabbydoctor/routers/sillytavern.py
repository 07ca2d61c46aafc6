"""SillyTavern, a client: the key that its secrets.json has for TabbyAPI."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.routers import HandEdit, RouterReading
from tabbydoctor.routers.gateways.passage import NO_KEY, Passage, written
from tabbydoctor.routers.gateways.reading import reading_of

name = "sillytavern"
_SECRET = "api_key_tabby"


def recognises(path: str, text: str) -> bool:
    """Whether a file is SillyTavern's secrets.json."""
    return f'"{_SECRET}"' in text


def read(
    path: str,
    text: str,
    tabby_urls: tuple[str, ...],
    *,
    files: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    directory: str = "",
    roots: tuple[str, ...] = (),
    arguments: tuple[str, ...] = (),
) -> RouterReading:
    """The key; the address stands in the settings of its users, and is taken for TabbyAPI's."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        return RouterReading(path, name, "not valid JSON", line)
    key = _held(data.get(_SECRET) if isinstance(data, dict) else None)
    at = re.search(rf'"{_SECRET}"', text)
    line = text.count("\n", 0, at.start()) + 1 if at else 1
    base = tabby_urls[0] if tabby_urls else "http://127.0.0.1:5000"
    sent = written(key, path, line) if key else NO_KEY
    edits = tuple(_edits(path, text, line))
    passage = Passage(
        path, line, base, "tabby", "TabbyAPI", "POST", "/v1/completions", "/v1/completions", sent,
        by_hand=edits,
    )  # fmt: skip
    return reading_of(name, path, [passage], tabby_urls)


def _edits(path: str, text: str, line: int) -> Iterator[HandEdit]:
    """The line with the key, where it has one of its own."""
    old = text.splitlines()[line - 1]
    found = re.fullmatch(rf'(\s*"{_SECRET}"\s*:\s*)"(?:[^"\\]|\\.)*"(,?\s*)', old)
    if found:
        yield HandEdit("key", path, line, (f'{found[1]}"<api_key>"{found[2]}',), 1, "", line)


def _held(value: Any) -> str:
    """A secret: a text, or of newer versions the active one of a list."""
    if isinstance(value, list):
        every = [each for each in value if isinstance(each, dict)]
        active = [each for each in every if each.get("active")] or every
        value = active[0].get("value") if active else ""
    return value if isinstance(value, str) else ""
