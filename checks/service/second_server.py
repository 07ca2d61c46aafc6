"""Another TabbyAPI of the same directory, or one that an earlier run left behind, holds the port.

## What it checks
Processes that run TabbyAPI in the unit's control group and are not its main process's; and other
TabbyAPIs that listen at the configured port.

## Why it matters
TabbyAPI that finds its port taken serves on the next one, or ends with status 0. Both hold their
model in the GPU's memory.

## How it is told
By the process table: parents, control groups and listening sockets. `KillMode=process` leaves a
server behind when its wrapper is stopped. Of a unit that is being restarted nothing is said: its
processes and its state are seen at different moments.

## What to do
End the process that is named, then restart the unit. Take `KillMode=process` out of the unit.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import CUTS_OFF, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.drop_ins import DropIn
from tabbydoctor.deployment.parts import Discovery, Instance, Machine, ProcessTable
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.host.data import Process
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.standing import named

from ..drop_in import by_drop_in
from . import unit_of


@check(
    "SVC015",
    "second-server",
    category="service",
    severity=Severity.WARNING,
    tags=(CUTS_OFF,),
)
def second_server(
    discovery: Discovery,
    instance: Instance,
    table: ProcessTable,
    config: EffectiveConfig | None,
    machine: Machine | None = None,
) -> Iterator[Finding]:
    unit = unit_of(instance)
    seen_at_once = unit.active and table.process(unit.main_pid) is not None
    stands = seen_at_once or unit.get("ActiveState") in ("inactive", "failed")
    left = [one for one in table.processes if stands and _left_behind(one, unit, table)]
    for process in left:
        yield _orphan(process, unit, table, machine or Machine(systemd=True))
    holder = table.holder(config.port) if config else None
    others = {other.process.pid for other in discovery.others if other.process}
    if holder and holder.pid in others and holder not in left and config:
        yield _other(holder, unit, config.port)


def _left_behind(process: Process, unit: Unit, table: ProcessTable) -> bool:
    """Whether it is a server of the unit's control group that the main process is not above."""
    own = (process.unit, process.user_unit) == (unit.name, unit.user_manager)
    if process.pid in (unit.main_pid, unit.number("ExecMainPID")):
        return False
    if not own or not any(word.rpartition("/")[2] == "main.py" for word in process.argv[1:]):
        return False
    one: Process | None = process
    seen: set[int] = set()
    while one and one.pid not in seen:
        if one.pid == unit.main_pid:
            return False
        seen.add(one.pid)
        one = table.process(one.parent)
    return process.parent == 1 or table.process(process.parent) is None


def _orphan(process: Process, unit: Unit, table: ProcessTable, machine: Machine) -> Finding:
    ports = sorted({one.port for one in table.listeners if one.pid == process.pid})
    holds = f" and holds port {', '.join(map(str, ports))}" if ports else ""
    remedies = [_ended(process, unit)]
    if "process" in unit.settings("KillMode")[-1:]:
        setting = DropIn(unit, "kill-mode", (("KillMode", "control-group"),))
        title = "Let the unit's stop end all of its processes (KillMode=process leaves some)"
        remedies.append(by_drop_in(title, setting, machine))
    return Finding(
        f"Process {process.pid} is left of an earlier run of {unit.name}{holds}",
        "The unit's main process is another one: this server is nobody's any more.",
        (Evidence(f"ps -o pid,ppid,args -p {process.pid}", "of the main process", named(process)),),
        tuple(remedies),
    )


def _other(process: Process, unit: Unit, port: int) -> Finding:
    return Finding(
        f"Process {process.pid} is another TabbyAPI, and holds port {port} of {unit.name}",
        f"{named(process)} was started beside the unit.",
        (Evidence(f"sudo ss -ltnp 'sport = :{port}'", unit.name, named(process)),),
        (_ended(process, unit),),
    )


def _ended(process: Process, unit: Unit) -> Remedy:
    commands = (f"sudo kill {process.pid}", *unit.restart)
    return Remedy(f"End process {process.pid}, then restart {unit.name}", Safety.UNSAFE, commands)
