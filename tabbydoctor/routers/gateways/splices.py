"""Edits of a gateway's file by places in its text: what is not named stays to the byte."""

from __future__ import annotations

from collections.abc import Iterable

from tabbydoctor.records import dataclass

KEY_FILE = "<key_file>"
"""Stands in a splice for the path of the file with the key."""


@dataclass(frozen=True, slots=True)
class TextEdit:
    """One edit: what stands between two places goes, and a text comes there."""

    file: str
    start: int
    end: int
    text: str = ""
    """Its lines end in `\\n`, which becomes what the file ends its lines with."""
    indent: str = ""
    """What each of its lines begins with."""
    raw: bool = False
    """It comes as it is at that very place, not as lines of its own."""


def spliced(text: str, splices: Iterable[TextEdit], key_file: str) -> str:
    """A text with all of them made; their places are told as of the text given."""
    newline = "\r\n" if "\r\n" in text else "\n"
    for one in sorted(set(splices), key=lambda one: (one.start, one.end), reverse=True):
        if one.start < one.end:
            start, end = _room(text, one.start, one.end)
            text = text[:start] + text[end:]
            continue
        if one.raw:
            added = one.text.replace(KEY_FILE, key_file).replace("\n", newline)
            text = text[: one.start] + added + text[one.start :]
            continue
        lines = one.text.replace(KEY_FILE, key_file).split("\n")
        text = _with(text, one.start, lines, one.indent, newline)
    return text


def _room(text: str, start: int, end: int) -> tuple[int, int]:
    """What goes with a part: its whole line where nothing else stands there, else one gap beside
    it."""
    first = text.rfind("\n", 0, start) + 1
    last = _line_end(text, end)
    leads = not text[first:start].strip()
    if leads and not text[end:last].strip():
        return first, min(last + 1, len(text))
    while leads and end < last and text[end] in " \t":
        end += 1
    while not leads and text[start - 1] in " \t":
        start -= 1
    return start, end


def _with(text: str, at: int, lines: list[str], indent: str, newline: str) -> str:
    """Lines behind the line of a place, where no more than a comment follows; else there."""
    last = _line_end(text, at)
    rest = text[at:last].strip()
    if rest and not rest.startswith("#"):
        return text[:at] + "".join(f" {line.strip()}" for line in lines) + text[at:]
    added = "".join(f"{indent}{line}{newline}" for line in lines)
    if last == len(text):
        return f"{text}{newline}{added.removesuffix(newline)}"
    return text[: last + 1] + added + text[last + 1 :]


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found
