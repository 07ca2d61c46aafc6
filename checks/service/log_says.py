"""TabbyAPI's log has a line that is known to mean trouble.

## What it checks
The log of the present run (or of the last one, where TabbyAPI is down without having been
stopped) against a table of known lines.

## Why it matters
Some faults show nowhere else: a model that did not fit, a wheel built for another torch, a
generation that broke for good.

## How it is told
Wrapped lines are joined first. The doctor's own requests, and what clients sent, are no
evidence. A long log is read at its beginning and its end.

## What to do
Follow the meaning that is given, and the check that looks at the same fault closer.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Severity, check
from tabbydoctor.redaction import redact
from tabbydoctor.tabbyapi.log import LogLine, RunLog
from tabbydoctor.tabbyapi.log_lines import KnownLine, known, says
from tabbydoctor.tabbyapi.log_reading import shown_by
from tabbydoctor.tabbyapi.log_text import message


@check("SVC011", "log-says", category="service")
def log_says(log: RunLog) -> Iterator[Finding]:
    if not log.present and says(log, "stopping"):
        return
    for kind, lines in _notable(log).items():
        times = f", {len(lines)} times" if len(lines) > 1 else ""
        yield Finding(
            f"The log says: {kind.meaning}",
            f"It was seen in the log of the {'present' if log.present else 'last'} run{times}.",
            (Evidence(log.source, actual=redact(message(lines[-1].text))[:300]),),
            (Remedy("Read the log", commands=(shown_by(log),)),),
            severity=Severity(kind.weight) if kind.weight else None,
            caused_by=kind.causes,
        )


def _notable(log: RunLog) -> dict[KnownLine, list[LogLine]]:
    found: dict[KnownLine, list[LogLine]] = {}
    for line in log.lines:
        kind = known(line)
        if kind and kind.slug == "keys-reloaded":
            # What could not be taken over before was taken over now.
            found = {other: seen for other, seen in found.items() if other.slug != "reload-failed"}
        elif kind and kind.weight:
            found.setdefault(kind, []).append(line)
    return found
