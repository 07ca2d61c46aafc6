"""TabbyAPI ended without an error, although nobody stopped it.

## What it checks
A unit that is inactive with `Result=success`, and whose log has no word of a stop.

## Why it matters
When both its port and the next one are taken, TabbyAPI exits with status 0: for systemd all is
well, and `Restart=on-failure` does nothing. The same holds for a script that starts TabbyAPI in the
background and ends: systemd then ends what the script left behind.

## How it is told
The log of the last run says `Ports … are in use`, or it ends without `Shutdown signal called`
and without systemd stopping it. A server that was not the unit's main process is told to shut down
when that ends: only `Stopping` by systemd is then a sign that somebody stopped it.

## What to do
See who holds the ports, free them or choose others, and start the unit. Let a script that starts
TabbyAPI end with `exec`, without `&`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabbydoctor.api import DOWN, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.documents import whole_number
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.log_lines import matches, says
from tabbydoctor.tabbyapi.stopping import stop_of

from . import command, shown, unit_of

_SERVER = re.compile(r"Started server process \[(\d+)\]")
"""uvicorn says its process id."""
_ENDED = "Deactivated successfully"


@check(
    "SVC004",
    "unit-gone-quietly",
    category="service",
    severity=Severity.ERROR,
    caused_by=("API002", "CFG005", "SVC015"),
    tags=(DOWN,),
)
def unit_gone_quietly(instance: Instance, log: RunLog | None) -> Iterator[Finding]:
    unit = unit_of(instance)
    ended_well = unit.get("ActiveState") == "inactive" and unit.get("Result") == "success"
    if not ended_well or log is None or log.present:
        return
    busy = next(matches(log, "ports-busy"), None)
    if busy is None and not (_exited(unit, log) and not _was_stopped(unit, log)):
        return
    ports = (busy[1], busy[2]) if busy else ()
    yield Finding(
        f"{unit.name} ended without an error"
        + (f": ports {' and '.join(ports)} are taken" * bool(ports)),
        "It exited with status 0, so systemd does not restart it."
        + (" It left the server behind, and systemd ended that." * _left_behind(unit, log)),
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
        (_remedy(unit, log, ports),),
    )


def _remedy(unit: Unit, log: RunLog, ports: tuple[str, ...]) -> Remedy:
    start = command(unit, "start")
    if ports:
        look = tuple(f"sudo ss -ltnp 'sport = :{port}'" for port in ports)
        return Remedy(
            "See who holds the ports, free them, start the unit", Safety.MANUAL, (*look, start)
        )
    if _left_behind(unit, log) or _server(log) is None:
        title = "If a script starts it: let it end with `exec`, without `&`; then start the unit"
        return Remedy(title, Safety.MANUAL, (command(unit, "cat"), start))
    return Remedy(
        "Read its log, then start the unit", Safety.MANUAL, (f"{unit.journalctl} -n 50", start)
    )


def _exited(unit: Unit, log: RunLog) -> bool:
    """Whether it came to an end of its own, as systemd saw it."""
    if unit.started and unit.get("ExecMainCode") == "1":
        return unit.number("ExecMainStatus") == 0
    return any(_ENDED in line.text for line in log.lines)


def _was_stopped(unit: Unit, log: RunLog) -> bool:
    if stop_of(log):
        return True
    return says(log, "stopping") and not _left_behind(unit, log)


def _left_behind(unit: Unit, log: RunLog) -> bool:
    """Whether the server was the child of a main process that ended, as systemd tells."""
    main, server = unit.number("ExecMainPID"), _server(log)
    if not main or server in (None, main):
        return False
    return any(_ENDED in line.text for line in log.lines)


def _server(log: RunLog) -> int | None:
    """The process that served, by its log."""
    found = [match for line in log.lines if (match := _SERVER.search(line.text))]
    return whole_number(found[-1][1]) if found else None
