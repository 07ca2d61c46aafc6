"""Nothing starts TabbyAPI when the machine boots.

## What it checks
Whether the unit is enabled, wanted by another unit, triggered by a timer or socket, or started
by the router on demand.

## Why it matters
After the next reboot TabbyAPI is down.

## How it is told
`UnitFileState`, `WantedBy`, `RequiredBy`, `TriggeredBy`, and the units the router starts by its
source.

## What to do
Enable the unit. On NixOS set `wantedBy` in configuration.nix.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, Unknown, check
from tabbydoctor.deployment.parts import Instance, RouterSite
from tabbydoctor.routers import RouterReading

from . import command, shown, unit_of

_NOT_STARTED = ("disabled", "static", "indirect", "linked")
_STARTERS = ("WantedBy", "RequiredBy", "UpheldBy", "BoundBy", "TriggeredBy")


@check("SVC006", "unit-not-enabled", category="service", severity=Severity.WARNING)
def unit_not_enabled(
    instance: Instance, router: RouterSite | None, reading: RouterReading | None
) -> Iterator[Finding]:
    unit = unit_of(instance)
    state = unit.get("UnitFileState")
    if state not in _NOT_STARTED or any(unit.get(name) for name in _STARTERS):
        return
    started = {name.removesuffix(".service") for name in reading.starts_units} if reading else set()
    if unit.name.removesuffix(".service") in started:
        return
    if router and router.path and (reading is None or reading.problem):
        raise Unknown(f"{router.path} could not be read: it may start {unit.name} on demand")
    if state == "static":
        target = "default.target" if unit.user_manager else "multi-user.target"
        enable = f"{unit.systemctl} add-wants {target} {shlex.quote(unit.name)}"
    else:
        enable = command(unit, "enable")
    yield Finding(
        f"{unit.name} is not started at boot",
        "No target, timer, socket or router that the doctor knows of starts it.",
        (Evidence(shown(unit, "UnitFileState", *_STARTERS), "enabled", state),),
        (Remedy("Enable it", Safety.SAFE, (enable,)),),
    )
