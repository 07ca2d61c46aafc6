"""The router's unit is down, or the router reports TabbyAPI down.

## What it checks
The router's unit must be running, and where its own `/health` tells of backends, TabbyAPI
must not be reported down there while it answers.

## Why it matters
Clients talk to the router: what it does not answer, nobody gets.

## How it is told
systemd's state of the unit, and `GET /health` on the port the router's process listens on
(only where the router answers that without asking TabbyAPI for a completion).

## What to do
Read why it stopped in its journal, and start it.
"""

import shlex
from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.routers.site_health import RouterHealth


@check(
    "RTR010",
    "router-unready",
    category="router",
    caused_by=("RTR001", "RTR005", "RTR013", "API001", "API002", "SVC002"),
)
def unready(site: RouterSite, health: RouterHealth | None) -> Iterator[Finding]:
    unit = site.unit
    if unit is None and health is None:
        raise Absent("the router has no unit and its /health was not asked")
    if unit is not None and not unit.active:
        yield _down(unit)
    if health is not None and health.tabbyapi is False:
        yield Finding(
            f"The router at {health.url} reports TabbyAPI down",
            "It answers itself, but its own check of TabbyAPI fails.",
            evidence=(Evidence(f"{health.url}/health", "TabbyAPI up", "TabbyAPI down"),),
            severity=Severity.WARNING,
        )


def _down(unit: Unit) -> Finding:
    state = unit.get("ActiveState") or "unknown"
    starting = state == "activating"
    meant = unit.get("UnitFileState") == "enabled" or state == "failed"
    name = shlex.quote(unit.name)
    return Finding(
        f"The router's unit {unit.name} is {state}",
        f"Its last result is {unit.get('Result') or 'not known'}.",
        evidence=(Evidence(f"systemctl show {name}", "active", state),),
        remedies=(
            Remedy(
                "See why it stopped, then start it",
                Safety.UNSAFE,
                (f"{unit.journalctl} -n 50 --no-pager", f"{unit.systemctl} restart {name}"),
            ),
        ),
        severity=Severity.ERROR if meant and not starting else Severity.WARNING,
    )
