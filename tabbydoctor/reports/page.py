"""A page of styled lines, flowed to a width: one structure, shown in colour or as plain text."""

from __future__ import annotations

import re
import shutil
from itertools import groupby
from typing import TextIO

from rich.cells import cell_len

from tabbydoctor.reports.color import colored, painted
from tabbydoctor.reports.shell import command_lines, has_here_document
from tabbydoctor.reports.visible import visible

StyledText = tuple[str, str]
"""A text and its style, in words that rich knows too; the empty one for plain."""

PIPE_WIDTH = 80
TERMINAL_WIDTH = 100
_MINIMUM_WIDTH = 40
_PIECE = re.compile(r" +|[^ ]+")
_NIX_WORD = re.compile(r'(?:"(?:[^"\\]|\\.)*"|\S)+')


class Page:
    """Lines being written from top to bottom. Values are made visible on their way in."""

    def __init__(self, width: int = PIPE_WIDTH) -> None:
        self.width = width
        self.lines: list[list[StyledText]] = []

    def blank(self) -> None:
        """An empty line, never two, never as the first."""
        if self.lines and self.lines[-1]:
            self.lines.append([])

    def flow(self, *spans: StyledText, indent: int = 0, hang: int | None = None) -> None:
        """A paragraph from column `indent`, its further lines from `hang` (default: `indent`).

        It breaks between words only: one longer than the line stands on a line of its own.
        """
        later = indent if hang is None else hang
        line, used, blanks = [(" " * indent, "")], indent, list[StyledText]()
        started = False
        for word in _words(spans):
            if word[0][0].startswith(" "):
                blanks = word
                continue
            needed = _cells(blanks) + _cells(word)
            if started and used + needed > self.width:
                self._end(line)
                line, used, blanks = [(" " * later, "")], later, []
                needed = _cells(word)
            line += blanks + word
            used, blanks, started = used + needed, [], True
        self._end(line)

    def command(self, command: str, *, indent: int = 0) -> None:
        """A command to paste, continued with a backslash where it is longer than the line."""
        # The end mark of a here-document is known by standing in the first column.
        margin = 0 if has_here_document(command) else indent
        for line in command_lines(command, self.width - margin):
            self.lines.append([(" " * margin, ""), (line, "bold")])

    def nix(self, line: str, *, indent: int = 0) -> None:
        """A line of Nix to paste, continued on the next where it is longer; no string is broken."""
        if line.startswith("#"):
            self.lines += [[(" " * indent + visible(one), "bold")] for one in line.splitlines()]
            return
        shown = " " * indent
        for number, word in enumerate(map(visible, _NIX_WORD.findall(line))):
            if number and len(shown) + 1 + len(word) > self.width:
                self.lines.append([(shown, "bold")])
                shown = " " * (indent + 2) + word
            else:
                shown += f" {word}" if number else word
        self.lines.append([(shown, "bold")])

    def verbatim(self, line: str, *, indent: int = 0) -> None:
        """One line as it is."""
        self._end([(" " * indent, ""), (visible(line), "")])

    def text(self) -> str:
        """The page without any style."""
        return "".join("".join(text for text, _ in line) + "\n" for line in self.lines)

    def painted(self) -> str:
        """The page in the colours of a terminal."""
        return "".join("".join(painted(*span) for span in line) + "\n" for line in self.lines)

    def _end(self, line: list[StyledText]) -> None:
        while line and not line[-1][0].strip():
            line.pop()
        if line:
            line[-1] = (line[-1][0].rstrip(), line[-1][1])
        self.lines.append(_merged(line))


def page_for(stream: TextIO) -> Page:
    """An empty page as wide as suits the stream: 80 columns, up to 100 on a terminal."""
    if not stream.isatty():
        return Page(PIPE_WIDTH)
    columns = shutil.get_terminal_size((PIPE_WIDTH, 24)).columns
    return Page(max(_MINIMUM_WIDTH, min(TERMINAL_WIDTH, columns)))


def write_page(page: Page, stream: TextIO) -> None:
    """Write a page, with style only where that is wanted."""
    encoding = stream.encoding or "utf-8"
    text = page.painted() if colored(stream) else page.text()
    # What the stream cannot say is written as an escape.
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def _words(spans: tuple[StyledText, ...]) -> list[list[StyledText]]:
    """Runs of blanks and words in turn; a word may change its style on the way."""
    words: list[list[StyledText]] = []
    for text, style in spans:
        for piece in _PIECE.findall(visible(text)):
            blank = piece.startswith(" ")
            if words and words[-1][0][0].startswith(" ") == blank:
                words[-1].append((piece, style))
            else:
                words.append([(piece, style)])
    return words


def _merged(line: list[StyledText]) -> list[StyledText]:
    """The line with neighbours of one style as one span."""
    runs = groupby(line, key=lambda span: span[1])
    return [("".join(text for text, _ in run), style) for style, run in runs]


def _cells(spans: list[StyledText]) -> int:
    return sum(cell_len(text) for text, _ in spans)
