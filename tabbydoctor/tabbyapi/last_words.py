"""Why a run ended, where its log says so more exactly than an exit status does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.log import LogLine

ComplaintKind = Literal[
    "program", "module", "port", "question", "update", "logs", "lost", "unrunnable"
]


@dataclass(frozen=True, slots=True)
class LastWords:
    """A line that says why, and what it means."""

    kind: ComplaintKind
    line: LogLine
    meaning: str
    what: str = ""
    """The program, file, module or port it is about."""


_SHELL = (
    r"(?:[\w./-]{1,256}: (?:line )?\d{1,6}: |-?(?:ba|da|z|k)?sh: (?:line \d{1,6}: )?)(?:exec: )?"
)
"""How shells begin a complaint: `bash: line 1: `, `/opt/start.sh: line 31: `, `sh: 1: `."""

_ENV = r"(?:/usr/bin/)?env: "
_WHAT = r"['\u2018]?(?P<what>[^'\u2019:\s]{1,4096})['\u2019]?"

# As Python's interpreter, asyncio's `create_server`, TabbyAPI's start.py, env(1), the shells and
# systemd's own executor word it.
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
    (
        "question",
        re.compile(r"^(?:Input> ?)?EOFError: EOF when reading a line"),
        "its start.sh asks which CUDA to use, and a service has no terminal to answer at",
    ),
    (
        "update",
        re.compile(r"^Dependency installation failed\."),
        "its start.sh could not install TabbyAPI's dependencies",
    ),
    (
        "logs",
        re.compile(
            r"^PermissionError: \[Errno 13\] Permission denied: "
            r"'(?P<what>[^']{0,4096}?logs)(?:/[^'/]{1,256}\.log)?'"
        ),
        "its account may not write {what}, where TabbyAPI opens a log file before anything else",
    ),
    (
        "lost",
        re.compile(rf"^{_ENV}{_WHAT}: No such file or directory"),
        "env did not find {what} in the unit's PATH",
    ),
    (
        "lost",
        re.compile(rf"^{_SHELL}{_WHAT}: (?:command )?not found"),
        "{what} is not in the unit's PATH",
    ),
    (
        "unrunnable",
        re.compile(rf"^(?:{_ENV}|{_SHELL}){_WHAT}: (?:Permission denied|cannot execute|/.*: bad)"),
        "{what} cannot be run",
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
                return LastWords(kind, line, meaning.format(**words), words.get("what", ""))
    return None
