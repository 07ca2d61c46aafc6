"""systemd starts TabbyAPI again and again.

## What it checks
Whether the unit waits for its next automatic restart, has used up its restarts, or was
restarted several times and still does not serve.

## Why it matters
Each start may load the model anew before it fails: the machine is busy, and nobody is served.

## How it is told
`SubState=auto-restart`, `Result=start-limit-hit`, and `NRestarts`.

## What to do
Stop the unit, remove the cause that is named beside it, start it again.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.tabbyapi.probes import Endpoint

from . import STOPS_THE_START, command, shown, unit_of

_SEVERAL = 3


@check(
    "SVC003",
    "unit-restart-loop",
    category="service",
    severity=Severity.ERROR,
    caused_by=("SVC002", "SVC011", *STOPS_THE_START),
)
def unit_restart_loop(instance: Instance, endpoint: Endpoint | None) -> Iterator[Finding]:
    unit = unit_of(instance)
    restarts = unit.number("NRestarts") or 0
    if not _loops(unit, restarts, endpoint):
        return
    state = f"{unit.get('ActiveState')} ({unit.get('SubState')})"
    yield Finding(
        f"{unit.name} was restarted {restarts} times and does not stay up",
        "systemd restarts it because it ends with an error.",
        (
            Evidence(
                shown(unit, "NRestarts", "SubState", "Result"),
                "active (running)",
                f"{state}, {unit.get('Result')}, {restarts} restarts",
            ),
        ),
        (
            Remedy(
                "Stop it, remove the cause, start it again",
                Safety.MANUAL,
                (command(unit, "stop"), command(unit, "reset-failed"), command(unit, "start")),
            ),
        ),
    )


def _loops(unit: Unit, restarts: int, endpoint: Endpoint | None) -> bool:
    if unit.get("Result") == "start-limit-hit" or unit.get("SubState") == "auto-restart":
        return True
    if restarts < _SEVERAL:
        return False
    # A unit that came back after several restarts and serves now is well.
    return unit.get("ActiveState") == "failed" or (endpoint is not None and not endpoint.reached)
