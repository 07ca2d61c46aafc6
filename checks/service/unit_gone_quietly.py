"""TabbyAPI ended without an error, although nobody stopped it.

## What it checks
A unit that is inactive with `Result=success`, and whose log has no word of a stop.

## Why it matters
When both its port and the next one are taken, TabbyAPI exits with status 0: for systemd all is
well, and `Restart=on-failure` does nothing.

## How it is told
The log of the last run says `Ports … are in use`, or it ends without `Shutdown signal called`
and without systemd stopping it.

## What to do
See who holds the ports, free them or choose others, and start the unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.log_lines import matches, says

from . import command, shown, unit_of

_STOPPED = re.compile(r"^(?:Stopping|Stopped) ")


@check(
    "SVC004",
    "unit-gone-quietly",
    category="service",
    severity=Severity.ERROR,
    caused_by=("API002", "CFG005"),
)
def unit_gone_quietly(instance: Instance, log: RunLog | None) -> Iterator[Finding]:
    unit = unit_of(instance)
    ended_well = unit.get("ActiveState") == "inactive" and unit.get("Result") == "success"
    if not ended_well or log is None or log.present:
        return
    busy = next(matches(log, "ports-busy"), None)
    if busy is None and not (_exited(unit, log) and not _was_stopped(log)):
        return
    ports = (busy[1], busy[2]) if busy else ()
    look = tuple(f"sudo ss -ltnp 'sport = :{port}'" for port in ports)
    yield Finding(
        f"{unit.name} ended without an error"
        + (f": ports {' and '.join(ports)} are taken" * bool(ports)),
        "It exited with status 0, so systemd does not restart it.",
        (
            Evidence(
                shown(unit, "ActiveState", "Result"),
                "active",
                "inactive, success",
            ),
            Evidence(
                log.source,
                "stopped by someone, or running",
                busy[0] if busy else "the log ends without a stop",
            ),
        ),
        (
            Remedy(
                "See who holds the ports, free them, start the unit"
                if ports
                else "Read its log, then start the unit",
                Safety.MANUAL,
                (*(look or (f"{unit.journalctl} -n 50",)), command(unit, "start")),
            ),
        ),
    )


def _exited(unit: Unit, log: RunLog) -> bool:
    """Whether it came to an end of its own, as systemd saw it."""
    if unit.started and unit.get("ExecMainCode") == "1":
        return unit.number("ExecMainStatus") == 0
    return any("Deactivated successfully" in line.text for line in log.lines)


def _was_stopped(log: RunLog) -> bool:
    return says(log, "stopping") or any(_STOPPED.match(line.text) for line in log.lines)
