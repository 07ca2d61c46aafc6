"""systemd starts TabbyAPI again and again.

## What it checks
Whether the unit waits for its next automatic restart, has used up its restarts, was restarted a
moment ago and does not serve, or several times and still does not.

## Why it matters
Each start may load the model anew before it fails: the machine is busy, and nobody is served.

## How it is told
`SubState=auto-restart`, `Result=start-limit-hit`, and `NRestarts`. A server that was restarted once
or twice and has run for half a minute since is taken to be loading.

## What to do
Stop the unit, remove the cause that is named beside it, start it again.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import DOWN, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.tabbyapi.probes import Endpoint

from . import STOPS_THE_START, command, shown, unit_of

_SEVERAL = 3
_SETTLED = 30.0
"""Seconds that a loop seldom stays up; a server that does after its first restart loads."""


@check(
    "SVC003",
    "unit-restart-loop",
    category="service",
    severity=Severity.ERROR,
    caused_by=("SVC002", "SVC011", *STOPS_THE_START),
    tags=(DOWN,),
)
def unit_restart_loop(instance: Instance, endpoint: Endpoint | None) -> Iterator[Finding]:
    unit = unit_of(instance)
    if not loops(instance, endpoint):
        return
    restarts = unit.number("NRestarts") or 0
    state = f"{unit.get('ActiveState')} ({unit.get('SubState')})"
    yield Finding(
        f"{unit.name} {_story(restarts)}",
        "It ends by itself, and systemd starts it anew each time.",
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


def _story(restarts: int) -> str:
    if not restarts:
        return "has ended, and systemd is to start it again"
    return f"was restarted {'once' if restarts == 1 else f'{restarts} times'} and does not stay up"


def loops(instance: Instance, endpoint: Endpoint | None) -> bool:
    """Whether the unit is started again and again, also where it happens to run right now."""
    unit = instance.unit
    if unit is None:
        return False
    waits = unit.get("SubState").startswith("auto-restart")  # or -queued, since systemd 254
    if waits or unit.get("Result") == "start-limit-hit":
        return True
    restarts, state = unit.number("NRestarts") or 0, unit.get("ActiveState")
    if not restarts or state == "inactive":
        return False
    if state == "failed":
        return restarts >= _SEVERAL
    # A unit that came back after several restarts and serves now is well.
    # And another machine's answers, or none, say nothing of it.
    if endpoint is None or endpoint.reached or endpoint.address.trusted:
        return False
    return restarts >= _SEVERAL or not _stays_up(instance, endpoint)


def _stays_up(instance: Instance, endpoint: Endpoint) -> bool:
    process = instance.process
    return process is not None and endpoint.asked_at - process.started > _SETTLED
