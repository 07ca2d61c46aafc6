"""A unit was changed on disk since systemd read it.

## What it checks
`NeedDaemonReload` of TabbyAPI's and the router's unit.

## Why it matters
The next start uses the old unit, whatever the file says now.

## How it is told
systemd compares the times of the unit's files and drop-ins itself.

## What to do
Reload systemd's configuration, and restart the unit for the change to count.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import CURE, Cure, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance, RouterSite

from . import command, shown, units_of


@check(
    "SVC005",
    "unit-reload-needed",
    category="service",
    severity=Severity.WARNING,
    cure=Cure("tabbydoctor.remedies.units:reload", Safety.SAFE),
)
def unit_reload_needed(instance: Instance, router: RouterSite | None) -> Iterator[Finding]:
    for unit in units_of(instance, router):
        if unit.flag("NeedDaemonReload"):
            yield Finding(
                f"{unit.name} changed on disk since systemd read it",
                "The next start would still use the old unit.",
                (Evidence(shown(unit, "NeedDaemonReload"), "no", "yes"),),
                (
                    Remedy("Reload systemd", Safety.SAFE, (f"{unit.systemctl} daemon-reload",)),
                    CURE,
                    Remedy(
                        "Restart the unit for the change to count",
                        Safety.UNSAFE,
                        (command(unit, "restart"),),
                    ),
                ),
            )
