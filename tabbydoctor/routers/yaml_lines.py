"""YAML as its reader has it (PyYAML), with the line of every key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from tabbydoctor.documents import Unreadable, yaml_with_root


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document. `lines` has key path -> line, list positions as numbers."""

    data: Any = None
    lines: dict[tuple[str | int, ...], int] = field(default_factory=dict)
    problem: str = ""
    line: int | None = None

    def line_of(self, *path: str | int) -> int:
        """The line of a key, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def document(text: str) -> Document:
    """Parse; a problem is told, not raised."""
    try:
        data, node = yaml_with_root(text)
    except Unreadable as error:
        return Document(problem=str(error), line=error.line)
    lines: dict[tuple[str | int, ...], int] = {}
    _walk(node, (), lines)
    return Document(data, lines)


def _walk(
    node: yaml.Node | None, path: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int]
) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, str(key.value))
            lines[inner] = key.start_mark.line + 1
            _walk(value, inner, lines)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            lines[(*path, number)] = value.start_mark.line + 1
            _walk(value, (*path, number), lines)
