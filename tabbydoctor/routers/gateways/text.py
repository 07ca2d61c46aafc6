"""Lines of a gateway's file, as they are to be: what a hand edit says, done to a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tabbydoctor.routers import HandEdit

_TIME = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d|w|M|y)?")
_UNITS = {
    "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800,
    "M": 2592000, "y": 31536000,
}  # fmt: skip


LONGEST = 4096
"""Characters of a path or value that is followed: what is put into itself grows without end."""
MOST_WORDS = 20_000
"""Words of one file that are followed: some of its words are asked about others."""
MOST_LINES = 20_000
"""Lines that all that is included may come to."""


def too_long(text: str) -> bool:
    """Whether a file has more words than are followed."""
    return len(text.split()) > MOST_WORDS


def put_into(text: str, old: str, new: str) -> str | None:
    """The text with one part replaced wherever it stands; None where it grew too long."""
    grown = len(text) + text.count(old) * (len(new) - len(old)) if old else LONGEST + 1
    return text.replace(old, new) if grown <= max(LONGEST, len(text)) else None


def edited_text(text: str, edits: Iterable[HandEdit]) -> str:
    """A file's text with every edit made; their lines are told as of the text given."""
    lines = text.splitlines()
    for edit in sorted(edits, key=lambda one: (one.line, bool(one.replaces)), reverse=True):
        start = edit.line - 1 if edit.replaces else edit.line
        lines[start : start + edit.replaces] = edit.lines
    return "\n".join(lines) + "\n"


def seconds(words: Sequence[str], unit: str) -> float | None:
    """A time as gateways write it (`90`, `500ms`, `1m 30s`); a bare number counts in `unit`.

    None for what is no time.
    """
    text = "".join(words).strip()
    parts = list(_TIME.finditer(text))
    if not text or "".join(part[0] for part in parts) != text:
        return None
    return sum(float(part[1]) * _UNITS[part[2] or unit] for part in parts)
