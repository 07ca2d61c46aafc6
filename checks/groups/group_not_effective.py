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

from tabbydoctor.api import CURE, Absent, Cure, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.driver import DeviceNodes
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.gpu.node_access import needed_nodes, opened_by_restart
from tabbydoctor.gpu.service_groups import ServiceGroups


@check(
    "GRP002",
    "group-not-effective",
    category="groups",
    severity=Severity.ERROR,
    cure=Cure("tabbydoctor.remedies.groups:take_groups_on", Safety.UNSAFE, undoable=False),
)
def group_not_effective(
    need: GpuNeed, instance: Instance, machine: Machine, nodes: DeviceNodes, service: ServiceGroups
) -> Iterator[Finding]:
    if instance.contained:
        raise Absent(f"{instance.container} is given its devices by its engine")
    needed = needed_nodes(nodes, instance, machine)
    cured = opened_by_restart(needed, instance, service)
    process, running = instance.process, service.running
    if not cured or process is None or running is None:
        return
    missing = {needed[path].leaf.gid for path in cured} & (service.configured - running)
    names = service.names_of(missing or service.configured - running)
    yield Finding(
        f"The running TabbyAPI lacks the group {names}, which {service.user} has",
        f"Process {process.pid} was started before, and cannot open {', '.join(cured)}.",
        (
            Evidence(
                f"/proc/{process.pid}/status",
                service.names_of(service.configured),
                service.names_of(running),
            ),
        ),
        tuple(_remedies(instance)),
    )


def _remedies(instance: Instance) -> Iterator[Remedy]:
    unit = instance.unit
    if unit is None:
        yield Remedy("Log out and in again, and start TabbyAPI anew", Safety.MANUAL)
    elif unit.user_manager:
        yield Remedy(
            "Log the user out, so that the user manager starts with the new groups",
            Safety.MANUAL,
            (f"loginctl terminate-user {unit.owner}",),
        )
    else:
        yield Remedy(f"Restart {unit.name}", Safety.UNSAFE, unit.restart)
        yield CURE
