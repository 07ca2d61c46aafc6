"""Finding known lines in a log, and what stands beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tabbydoctor.tabbyapi.known_line import KnownLine
from tabbydoctor.tabbyapi.known_lines import KNOWN_LINES
from tabbydoctor.tabbyapi.log import LogLine, RunLog
from tabbydoctor.tabbyapi.log_text import level, message

PROBE_MARK = "probe=tabbydoctor"
"""In the query of every request the doctor makes: such access lines are no evidence."""

_ACCESS = re.compile(r'"\w+ \S+ HTTP/1\.\d" \d{3}')
_ANSWERED_500 = re.compile(r'"\w+ \S+ HTTP/1\.\d" 500')
_BY_SLUG = {known.slug: known for known in KNOWN_LINES}


_EXCEPTION = re.compile(
    r"^[A-Za-z_][\w.]{0,200}(?:Error|Exception|Timeout|Interrupt|Abort)(?::\s.*)?$"
)
_NEAR = 60
"""Lines: a traceback is seldom longer."""


def exception_beside(log: RunLog, line: LogLine, *, after: bool = False) -> LogLine | None:
    """The exception that a line goes with: the last one before it, else the first after it.

    With `after` only the first after it, as uvicorn writes it behind the line of the request.
    """
    at = next((number for number, one in enumerate(log.lines) if one is line), 0)
    before = reversed(log.lines[max(at - _NEAR, 0) : at])
    behind = log.lines[at + 1 : at + _NEAR]
    searched = behind if after else (*before, *behind)
    return next((one for one in searched if _EXCEPTION.match(message(one.text))), None)


def exception_of(log: RunLog, requests: Iterable[str]) -> str | None:
    """The exception that ended one of these requests (`GET /v1/models`) with 500, the last one."""
    for line in reversed(log.lines):
        if _ANSWERED_500.search(line.text) and any(one in line.text for one in requests):
            found = exception_beside(log, line, after=True)
            return message(found.text) if found else None
    return None


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


_LOADING = re.compile(r"Loading model: (.{1,1024})")
_LOADED = re.compile(r"(?<!Embedding )[Mm]odel successfully loaded\.")


_PAST = ("serving", "allocator", "out-of-memory", "split-too-small", "generation-fatal")
"""Lines that come after a model's files were read and taken."""


def loaded_model(log: RunLog | None, configured: str) -> str:
    """The model that the run has loaded, or is still loading; empty where neither is seen.

    TabbyAPI names it once it has taken its configuration, heads and tokenizer. Its port opens
    only after the load, and memory runs out in it: where no line names a model, it is the
    configured one.
    """
    named = loaded = ""
    for line in log.lines if log else ():
        loading = _LOADING.search(message(line.text))
        named = loading[1].strip() if loading else named
        if _LOADED.search(line.text) or any(_match(_BY_SLUG[one], line.text) for one in _PAST):
            loaded = named or configured
    return loaded or (named if log and log.present else "")
