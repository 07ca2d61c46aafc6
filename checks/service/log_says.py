"""TabbyAPI's log has a line that is known to mean trouble.

## What it checks
The log of the present run (or of the last one, where TabbyAPI is down without having been
stopped) against a table of known lines.

## Why it matters
Some faults show nowhere else: a model that did not fit, a wheel built for another torch, a
generation that broke for good.

## How it is told
Wrapped lines are joined first. The doctor's own requests, and what clients sent, are no
evidence. A long log is read at its beginning and its end. Where a line only says that something
failed, the exception beside it is shown, too.

## What to do
Follow the meaning that is given, and the check that looks at the same fault closer.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.torch import PythonEnvironment
from tabbydoctor.redaction import redact
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.cuda_lines import MEMORY_LINES
from tabbydoctor.tabbyapi.known_line import KnownLine
from tabbydoctor.tabbyapi.log import LogLine, RunLog
from tabbydoctor.tabbyapi.log_lines import exception_beside, known, says
from tabbydoctor.tabbyapi.log_reading import shown_by
from tabbydoctor.tabbyapi.log_text import message

from .log_remedies import LoggedServer, ways_out

_LENGTH = 300


@check("SVC011", "log-says", category="service")
def log_says(
    log: RunLog,
    instance: Instance | None = None,
    config: EffectiveConfig | None = None,
    environment: PythonEnvironment | None = None,
    driver: Driver | None = None,
) -> Iterator[Finding]:
    if not log.present and says(log, "stopping"):
        return
    place = LoggedServer(instance, config, environment) if instance else None
    several = driver is not None and len(driver.nvml.gpus) > 1
    for kind, lines in _notable(log).items():
        times = f", {len(lines)} times" if len(lines) > 1 else ""
        exception = exception_beside(log, lines[-1]) if kind.of_exception else None
        shown = [exception, lines[-1]] if exception else lines[-1:]
        alone = _on_one_gpu(log) if several and kind in MEMORY_LINES else []
        yield Finding(
            f"The log says: {kind.meaning}",
            f"It was seen in the log of the {'present' if log.present else 'last'} run{times}.",
            tuple(Evidence(log.source, actual=_words(line)) for line in (*alone, *shown)),
            (
                *ways_out("one-gpu" if alone else kind.slug, place),
                Remedy("Read the log", commands=(shown_by(log),)),
            ),
            severity=Severity(kind.weight) if kind.weight else None,
            caused_by=kind.causes,
        )


def _on_one_gpu(log: RunLog) -> list[LogLine]:
    """The line in which it says so: on a machine with more, memory ran out for that."""
    return [line for line in log.lines if (kind := known(line)) and kind.slug == "one-gpu"][-1:]


def _notable(log: RunLog) -> dict[KnownLine, list[LogLine]]:
    found: dict[KnownLine, list[LogLine]] = {}
    for line in log.lines:
        kind = known(line)
        if kind and kind.slug == "keys-reloaded":
            # What could not be taken over before was taken over now.
            found = {other: seen for other, seen in found.items() if other.slug != "reload-failed"}
        elif kind and kind.weight:
            found.setdefault(kind, []).append(line)
    hidden = {slug for kind in found for slug in kind.hides}
    return {kind: seen for kind, seen in found.items() if kind.slug not in hidden}


def _words(line: LogLine) -> str:
    return redact(message(line.text))[:_LENGTH]
