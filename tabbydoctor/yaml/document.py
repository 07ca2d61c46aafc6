"""A document as it was read, or why it was not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tabbydoctor.records import dataclass, field
from tabbydoctor.yaml.nodes import KeyPath
from tabbydoctor.yaml.problems import YamlProblem


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """One YAML document, or why it is none."""

    data: Any = None
    """Plain dictionaries, lists and scalars."""
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    """Key path -> line, 1-based; the items of a sequence by number."""
    problem: YamlProblem | None = None
    detail: str = ""
    line: int | None = None

    def line_of(self, *path: str | int) -> int:
        """The line of a key, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)
