"""Finding known lines in a log, and what stands beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabbydoctor.tabbyapi.known_line import KnownLine
from tabbydoctor.tabbyapi.known_lines import KNOWN_LINES
from tabbydoctor.tabbyapi.log import LogLine, RunLog
from tabbydoctor.tabbyapi.log_text import level, message

PROBE_MARK = "probe=tabbydoctor"
"""In the query of every request the doctor makes: such access lines are no evidence."""

_ACCESS = re.compile(r'"\w+ \S+ HTTP/1\.\d" \d{3}')
_BY_SLUG = {known.slug: known for known in KNOWN_LINES}


_EXCEPTION = re.compile(
    r"^[A-Za-z_][\w.]{0,200}(?:Error|Exception|Timeout|Interrupt|Abort)(?::\s.*)?$"
)
_NEAR = 60
"""Lines: a traceback is seldom longer."""


def exception_beside(log: RunLog, line: LogLine) -> LogLine | None:
    """The exception that a line goes with: the last one before it, else the first after it."""
    at = next((number for number, one in enumerate(log.lines) if one is line), 0)
    before = reversed(log.lines[max(at - _NEAR, 0) : at])
    after = log.lines[at + 1 : at + _NEAR]
    return next((one for one in (*before, *after) if _EXCEPTION.match(message(one.text))), None)


def known(line: LogLine) -> KnownLine | None:
    """What a line is known as. The doctor's own requests are nothing."""
    return next((kind for kind in KNOWN_LINES if _match(kind, line.text)), None)


def matches(log: RunLog | None, slug: str) -> Iterator[re.Match[str]]:
    """Every line of one kind, as the match of its pattern (groups hold its particulars)."""
    for line in log.lines if log else ():
        found = _match(_BY_SLUG[slug], line.text)
        if found:
            yield found


def _match(kind: KnownLine, text: str) -> re.Match[str] | None:
    """Match, unless the line only repeats what a client sent: a request, a logged prompt."""
    if PROBE_MARK in text:
        return None
    if kind.weight and (level(text) in ("TRACE", "DEBUG", "INFO") or _ACCESS.search(text)):
        return None
    return kind.pattern.search(text)


def says(log: RunLog | None, slug: str) -> bool:
    """Whether the log holds a line of that kind."""
    return next(matches(log, slug), None) is not None
