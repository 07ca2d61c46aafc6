"""TOML by lines: where a key stands, and an edit that changes no other line (toml.io, v1.0.0)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tabbydoctor.documents import toml_of
from tabbydoctor.yaml.edit import CannotEdit, YamlValue
from tabbydoctor.yaml.nodes import KeyPath

_PART = r"""(?:[\w-]+|"[^"\\]*"|'[^']*')"""
_DOTTED = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"[ \t]*(?P<more>\[?)\[[ \t]*(?P<key>{_DOTTED})[ \t]*\]\]?[ \t]*(?:#.*)?")
_SETS = re.compile(rf"(?P<before>[ \t]*(?P<key>{_DOTTED})[ \t]*=[ \t]*)(?P<value>.*)")
_PLAIN = re.compile(r"[\w-]+")


def toml_lines(text: str) -> dict[KeyPath, int]:
    """Key path -> line, 1-based; arrays of tables by number. What several lines hold counts by
    its first.
    """
    found: dict[KeyPath, int] = {}
    for number, path in _paths(text):
        for length in range(1, len(path) + 1):
            found.setdefault(path[:length], number)
    return found


def _paths(text: str) -> Iterator[tuple[int, KeyPath]]:
    table: KeyPath = ()
    counts: dict[KeyPath, int] = {}
    inside = ""
    for number, line in enumerate(text.splitlines(), 1):
        if inside:
            inside = "" if inside in line else inside
            continue
        if header := _HEADER.fullmatch(line):
            table = _numbered(_split(header["key"]), counts, more=bool(header["more"]))
            yield number, table
        elif sets := _SETS.match(line):
            yield number, (*table, *_split(sets["key"]))
            quote = next((q for q in ('"""', "'''") if line.count(q) == 1), "")
            inside = quote


def _numbered(path: KeyPath, counts: dict[KeyPath, int], *, more: bool) -> KeyPath:
    """With the numbers of the arrays' items that a header is in."""
    found: KeyPath = ()
    for at, step in enumerate(path):
        found = (*found, step)
        if more and at == len(path) - 1:
            counts[found] = counts.get(found, -1) + 1
        if found in counts:
            found = (*found, counts[found])
    return found


def _split(key: str) -> KeyPath:
    return tuple(part.strip("\"'") for part in re.findall(_PART, key))


def set_toml(text: str, path: KeyPath, value: YamlValue) -> str:
    """The text with one value set: on its line, below its table's header, or in a new table.

    Raises CannotEdit where that is not proven to change this value alone, Unreadable.
    """
    before = toml_of(text)
    lines, where = text.splitlines(), {place: number for number, place in _paths(text)}
    written = f"{_word(str(path[-1]))} = {_value(value)}"
    if path in where:
        at = where[path] - 1
        sets = _SETS.match(lines[at])
        lines[at] = f"{sets['before']}{_value(value)}" if sets else lines[at]
    elif path[:-1] in where and _HEADER.fullmatch(lines[where[path[:-1]] - 1]):
        at = where[path[:-1]]
        indent = re.match(r"[ \t]*", lines[at] if at < len(lines) else "")
        lines.insert(at, f"{indent[0] if indent else ''}{written}")
    else:
        header = ".".join(_word(str(step)) for step in path[:-1])
        lines += ["", f"[{header}]", written]
    new = "\n".join(lines) + "\n"
    if toml_of(new) != _with(before, path, value):
        raise CannotEdit("the place cannot be told by lines")
    return new


def _with(data: Any, path: KeyPath, value: YamlValue) -> Any:
    if not path:
        return value
    if isinstance(path[0], int):
        return [
            _with(each, path[1:], value) if n == path[0] else each for n, each in enumerate(data)
        ]
    held = data if isinstance(data, dict) else {}
    return {**held, path[0]: _with(held.get(path[0]), path[1:], value)}


def _word(step: str) -> str:
    return step if _PLAIN.fullmatch(step) else json.dumps(step)


def _value(value: YamlValue) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)
