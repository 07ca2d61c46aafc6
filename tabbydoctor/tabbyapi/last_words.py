"""Why a run ended, where its log says so more exactly than an exit status does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tabbydoctor.tabbyapi.log import LogLine

ComplaintKind = Literal["program", "module", "port"]


@dataclass(frozen=True, slots=True)
class LastWords:
    """A line that says why, and what it means."""

    kind: ComplaintKind
    line: LogLine
    meaning: str


# As Python's interpreter and asyncio's `create_server` word it.
_REASONS: tuple[tuple[ComplaintKind, re.Pattern[str], str], ...] = (
    (
        "program",
        re.compile(r"can't open file '(?P<what>[^']{1,4096})': \[Errno \d+\] (?P<why>[\w ]+)"),
        "Python cannot open its program {what}: {why}",
    ),
    (
        "module",
        re.compile(r": No module named '?(?P<what>[\w.]+)'?"),
        "Python has no module {what}",
    ),
    (
        "port",
        re.compile(r"\[Errno 13\] error while attempting to bind.{0,256}?, (?P<what>\d+)\)"),
        "its account may not bind port {what}: those below 1024 are root's",
    ),
)


def last_words(lines: Iterable[LogLine]) -> LastWords | None:
    """The last line that says why the run ended; None where none does."""
    for line in reversed(tuple(lines)):
        for kind, pattern, meaning in _REASONS:
            found = pattern.search(line.text)
            if found:
                words = {name: text.strip() for name, text in found.groupdict().items()}
                if "why" in words:
                    words["why"] = words["why"].lower()
                return LastWords(kind, line, meaning.format(**words))
    return None
