"""The account has the group for the GPU's nodes; the running TabbyAPI does not.

## What it checks
The groups in force in the running process against those its account and unit would give it
today, where a device node of the GPU makes the difference.

## Why it matters
Groups are taken at the start. After `usermod -aG` or a change to the unit, a TabbyAPI that was
not restarted still cannot open the nodes, although everything looks right.

## How it is told
From the `Groups:` line of `/proc/PID/status` and the nodes' mode, owner, group and ACL.

## What to do
Restart TabbyAPI. For a service of a user manager log the user out first (or
`loginctl terminate-user`), because the manager's own groups date from the login.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Safety, Severity, Unknown, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.driver import DeviceNodes
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.gpu.service_groups import ServiceGroups

from .drop_in import restart
from .gpu_nodes import denied_nodes, needed_nodes


@check("GRP002", "group-not-effective", category="groups", severity=Severity.ERROR)
def group_not_effective(
    need: GpuNeed, instance: Instance, machine: Machine, nodes: DeviceNodes, service: ServiceGroups
) -> Iterator[Finding]:
    process = instance.process
    if process is None:
        raise Absent(f"{instance.name} is not running")
    if service.running is None or process.uid is None:
        raise Unknown(f"the groups of process {process.pid} may not be seen: run as root")
    needed = needed_nodes(nodes, instance, machine)
    denied = dict(denied_nodes(needed, process.uid, service.running))
    would_be = dict(denied_nodes(needed, process.uid, service.configured))
    cured = [path for path in denied if path not in would_be]
    if not cured:
        return
    missing = {needed[path].leaf.gid for path in cured} & (service.configured - service.running)
    names = service.names_of(missing or service.configured - service.running)
    yield Finding(
        f"The running TabbyAPI lacks the group {names}, which {service.user} has",
        f"Process {process.pid} was started before, and cannot open {', '.join(cured)}.",
        (
            Evidence(
                f"/proc/{process.pid}/status",
                service.names_of(service.configured),
                service.names_of(service.running),
            ),
        ),
        (_remedy(instance),),
    )


def _remedy(instance: Instance) -> Remedy:
    unit = instance.unit
    if unit is None:
        return Remedy("Log out and in again, and start TabbyAPI anew", Safety.MANUAL)
    if unit.user_manager:
        return Remedy(
            "Log the user out, so that the user manager starts with the new groups",
            Safety.MANUAL,
            (f"loginctl terminate-user {unit.owner}",),
        )
    return Remedy(f"Restart {unit.name}", Safety.UNSAFE, (restart(unit),))
