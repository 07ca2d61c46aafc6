"""A unit was named, and there is none of that name.

## What it checks
The units given with `--unit`, `--user-unit` and `--router-unit` (or in the environment or the
settings file).

## Why it matters
Whatever is said about a unit that does not exist is said about something else.

## How it is told
systemd is asked for the unit and answers `LoadState=not-found`.

## What to do
Look for the real name, or leave the option out: the unit is found without it.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Severity, Unknown, check
from tabbydoctor.deployment.parts import Units
from tabbydoctor.targets import Targets


@check("SVC001", "unit-missing", category="service", severity=Severity.ERROR)
def unit_missing(units: Units, targets: Targets) -> Iterator[Finding]:
    for part, name in (
        ("unit", targets.unit),
        ("user_unit", targets.user_unit),
        ("router_unit", targets.router_unit),
    ):
        if name is None:
            continue
        of_user = {"unit": False, "user_unit": True}.get(part)
        unit = units.named(name, of_user)
        if of_user and unit is None and not any(one.user_manager for one in units.units):
            raise Unknown("the user's systemd was not reached: name the account with --user")
        if unit is None or not unit.exists:
            systemctl = "systemctl --user" if of_user else "systemctl"
            yield Finding(
                f"There is no unit {name}",
                f"It was named by {targets.source(part)}.",
                (Evidence(f"{systemctl} cat {name}", "a unit", "no such unit"),),
                (
                    Remedy(
                        "Look for its real name",
                        commands=(f"{systemctl} list-unit-files --type=service",),
                    ),
                ),
            )
