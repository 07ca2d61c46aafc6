"""Nothing starts TabbyAPI when the machine boots.

## What it checks
Whether the unit is enabled, wanted by another unit, triggered by a timer or socket, or started
by the router on demand; and whether it is the unit that runs, or something started by hand.

## Why it matters
After the next reboot TabbyAPI is down. What was started by hand is not restarted when it ends,
and a unit started beside it finds its port taken.

## How it is told
`UnitFileState`, `WantedBy`, `RequiredBy`, `TriggeredBy`, and the units the router starts by its
source. A process started by hand is one of no service's control group. Without any unit that is
only remarked upon.

## What to do
Enable the unit, and let it serve in place of what was started by hand. On NixOS set `wantedBy`
in configuration.nix.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, Unknown, check
from tabbydoctor.deployment.nixos import managed
from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.host.data import Process
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.nixos.service import wanted_by_line
from tabbydoctor.routers import RouterReading

from . import command, shown, unit_of

_NOT_STARTED = ("disabled", "static", "indirect", "linked")
_STARTERS = ("WantedBy", "RequiredBy", "UpheldBy", "BoundBy", "TriggeredBy")


@check("SVC006", "unit-not-enabled", category="service", severity=Severity.WARNING)
def unit_not_enabled(
    instance: Instance,
    router: RouterSite | None,
    reading: RouterReading | None,
    machine: Machine | None,
) -> Iterator[Finding]:
    by_hand = _by_hand(instance)
    if by_hand and instance.unit is None and machine and machine.systemd:
        yield _without_unit(instance, by_hand)
        return
    unit = unit_of(instance)
    if by_hand and instance.beside_unit:
        yield _beside(instance, unit, by_hand)
    yield from _not_started(unit, router, reading, machine)


def _by_hand(instance: Instance) -> Process | None:
    """The running server, where no service's control group and no container holds it."""
    process = instance.process
    return process if process and not process.unit and not instance.container else None


def _without_unit(instance: Instance, process: Process) -> Finding:
    return Finding(
        f"Process {process.pid} is TabbyAPI, and no unit starts or restarts it",
        "It was started by hand: when it ends, or the machine boots, TabbyAPI is down.",
        (Evidence(f"systemctl status {process.pid}", "a service", instance.directory),),
        severity=Severity.INFO,
    )


def _beside(instance: Instance, unit: Unit, process: Process) -> Finding:
    state = unit.get("ActiveState")
    return Finding(
        f"TabbyAPI runs as process {process.pid}, which is not {unit.name}'s",
        f"It was started by hand: nothing restarts it when it ends. {unit.name} is {state}, and "
        "would find its port taken.",
        (
            Evidence(
                shown(unit, "ActiveState", "MainPID"), "active, the process that serves", state
            ),
        ),
        (
            Remedy(
                f"Stop process {process.pid}, and let {unit.name} serve",
                Safety.UNSAFE,
                instance.restart,
            ),
        ),
    )


def _not_started(
    unit: Unit,
    router: RouterSite | None,
    reading: RouterReading | None,
    machine: Machine | None,
) -> Iterator[Finding]:
    state = unit.get("UnitFileState")
    if state not in _NOT_STARTED or any(unit.get(name) for name in _STARTERS):
        return
    started = {name.removesuffix(".service") for name in reading.starts_units} if reading else set()
    if unit.name.removesuffix(".service") in started:
        return
    if router and router.path and (reading is None or reading.problem):
        raise Unknown(f"{router.path} could not be read: it may start {unit.name} on demand")
    yield Finding(
        f"{unit.name} is not started at boot",
        "No target, timer, socket or router that the doctor knows of starts it.",
        (Evidence(shown(unit, "UnitFileState", *_STARTERS), "enabled", state),),
        (_enable(unit, state, managed(machine, unit)),),
    )


def _enable(unit: Unit, state: str, nixos: bool) -> Remedy:
    if nixos:
        return by_rebuild("Let it be started at boot", wanted_by_line(unit))
    if state == "static":
        target = "default.target" if unit.user_manager else "multi-user.target"
        enable = f"{unit.systemctl} add-wants {target} {shlex.quote(unit.name)}"
    else:
        enable = command(unit, "enable")
    return Remedy("Enable it", Safety.SAFE, (enable,))
