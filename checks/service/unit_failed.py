"""TabbyAPI's unit has failed.

## What it checks
systemd's `Result=` and the exit status of the main process, with the last lines of its log.

## Why it matters
TabbyAPI is down.

## How it is told
Statuses from 200 on are systemd's own: the program was never run. 1 is TabbyAPI refusing a
value, its tokens file or the model; 2 an unknown argument; 3 an address that is not this
machine's.

## What to do
Follow the cause that is named beside it; if there is none, read the last lines of the log.
Then start the unit again.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.exit_status import LOAD_STATES, decoded
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.redaction import redact
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.log_text import message

from . import STOPS_THE_START, command, shown, unit_of

_LAST_LINES = 4


@check(
    "SVC002",
    "unit-failed",
    category="service",
    severity=Severity.ERROR,
    caused_by=(*STOPS_THE_START, "SVC011"),
)
def unit_failed(instance: Instance, log: RunLog | None) -> Iterator[Finding]:
    unit = unit_of(instance)
    if not _failed(unit):
        return
    what, meaning = decoded(unit)
    evidence = [
        Evidence(
            shown(unit, "ActiveState", "Result", "ExecMainStatus"),
            "active, success",
            f"{unit.get('ActiveState')}, {what}",
        )
    ]
    if log and not log.present:
        evidence += [Evidence(log.source, actual=words) for words in _last_words(log, unit)]
    yield Finding(
        f"{unit.name} failed: {what}",
        f"{meaning[0].upper()}{meaning[1:]}.",
        tuple(evidence),
        (
            Remedy(
                "Read its log, then start it again",
                Safety.MANUAL,
                (f"{unit.journalctl} -n 50", command(unit, "reset-failed"), command(unit, "start")),
            ),
        ),
    )


def _last_words(log: RunLog, unit: Unit) -> list[str]:
    """The end of the log, redacted; systemd's own lines only where there are no others."""
    manager = ("Started ", "Stopped ", "Stopping ", "Failed to start ", f"{unit.name}: ")
    own = [line.text for line in log.lines if not line.text.startswith(manager)]
    texts = own or [line.text for line in log.lines]
    return [redact(message(text))[:300] for text in texts[-_LAST_LINES:]]


def _failed(unit: Unit) -> bool:
    if unit.get("LoadState") in LOAD_STATES:
        return True
    restarting = unit.get("SubState") == "auto-restart"
    return unit.get("ActiveState") == "failed" or (
        restarting and unit.get("Result") not in ("", "success")
    )
