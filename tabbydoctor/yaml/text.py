"""Lines of a text and the splices that change it. Positions are offsets in characters."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from tabbydoctor.records import dataclass

BREAK = re.compile(r"\r\n|\r|\n")
_BOM = "\ufeff"


class CannotEdit(Exception):  # noqa: N818 - an answer, not a fault
    """No place for the edit can be proven right; `line` (1-based) is where, if anywhere."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message, self.line = message, line


@dataclass(frozen=True, slots=True)
class Splice:
    """Replaces the characters from `start` to before `end`."""

    start: int
    end: int
    new: str = ""


class LinedText:
    """A text and its lines, whichever line ends it mixes."""

    def __init__(self, content: str) -> None:
        self.content = content
        self.start = 1 if content.startswith(_BOM) else 0
        self._breaks = [found.span() for found in BREAK.finditer(content)]
        self._starts = [self.start, *(end for _, end in self._breaks)]

    def _index(self, position: int) -> int:
        return max(bisect_right(self._starts, position) - 1, 0)

    def number(self, position: int) -> int:
        """The line's number, 1-based."""
        return self._index(position) + 1

    def line_start(self, position: int) -> int:
        return self._starts[self._index(position)]

    def line_end(self, position: int) -> int:
        """Before the line's break."""
        index = self._index(position)
        return self._breaks[index][0] if index < len(self._breaks) else len(self.content)

    def next_line(self, position: int) -> int:
        """After the line's break."""
        index = self._index(position)
        return self._breaks[index][1] if index < len(self._breaks) else len(self.content)

    def column(self, position: int) -> int:
        return position - self.line_start(position)

    def before(self, position: int) -> str:
        """What stands before a position on its line."""
        return self.content[self.line_start(position) : position]

    def after(self, position: int) -> str:
        """What stands from a position to the end of its line."""
        return self.content[position : self.line_end(position)]

    def same_line(self, one: int, other: int) -> bool:
        return self._index(one) == self._index(other)

    def past_comments(self, position: int, deeper_than: int) -> int:
        """The end of the last comment line right below `position` indented by more than that."""
        while (below := self.next_line(position)) < len(self.content):
            comment = re.match(r"( +)#", self.after(below))
            if not comment or len(comment.group(1)) <= deeper_than:
                break
            position = self.line_end(below)
        return position

    def insert_below(self, position: int, lines: Sequence[str]) -> Splice:
        """New lines below the line of `position`."""
        return self.insert_at(self.next_line(position), lines)

    def insert_at(self, position: int, lines: Sequence[str]) -> Splice:
        """New lines at the start of a line, or after the text's end."""
        if position == self.line_start(position):
            new = "".join(line + self._line_break(position) for line in lines)
        else:  # the last line has no break, and still has none afterwards
            new = "".join(self._line_break(position) + line for line in lines)
        return Splice(position, position, new)

    def delete_lines(self, first: int, last: int) -> Splice:
        """The lines from that of `first` to that of `last`."""
        start, end = self.line_start(first), self.next_line(last)
        if self.line_end(last) == end and start > self.start:
            start = self._breaks[self._index(first) - 1][0]
        return Splice(start, end)

    def _line_break(self, position: int) -> str:
        """The break of the line above, or else of the text's first line."""
        if not self._breaks:
            return "\n"
        start, end = self._breaks[max(min(self._index(position), len(self._breaks)) - 1, 0)]
        return self.content[start:end]

    def spliced(self, splices: Iterable[Splice]) -> str:
        """The text after splices that do not overlap."""
        content = self.content
        for splice in sorted(splices, key=lambda one: (one.start, one.end), reverse=True):
            content = content[: splice.start] + splice.new + content[splice.end :]
        return content
