"""The service's account cannot open a device node of the GPU.

## What it checks
For `/dev/nvidiactl`, `/dev/nvidia-uvm` and the GPU's `/dev/nvidiaN`: whether the service's
user, with the groups its unit and its account give it, may read and write the node.

## Why it matters
CUDA opens these nodes. If one is denied, torch sees no GPU ("No CUDA runtime is found"), while
`nvidia-smi` works for root.

## How it is told
From the mode, owner, group and ACL of each node and of the directories on the way, never from
the distribution's name: the nodes are open to everyone by default, and a group matters only
where the administrator closed them. Root is never denied by a mode.

## What to do
Give the service the node's group with `SupplementaryGroups=`, as the remedy shows, and restart
it. Where the node's mode lets no group in, set the driver's `NVreg_DeviceFileMode` and
`NVreg_DeviceFileGID`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tabbydoctor.api import CURE, Absent, Cure, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.driver import DeviceNodes
from tabbydoctor.gpu.drop_ins import with_groups
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.gpu.node_access import (
    CONTROL_NODES,
    denied_nodes,
    needed_nodes,
    opening_groups,
)
from tabbydoctor.gpu.service_groups import ServiceGroups
from tabbydoctor.host.access import PathStatus
from tabbydoctor.host.data import FileStatus
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.nixos.nix_text import literal, path

from ..drop_in import by_drop_in

_OPEN_NODES = (
    "Open the nodes with the driver's own parameters (GID a group of the account's), and reboot"
)
_OPTIONS = "options nvidia NVreg_DeviceFileGID=GID NVreg_DeviceFileMode=0660"
_PARAMETERS = f'boot.extraModprobeConfig = "{_OPTIONS}";'


@check(
    "GRP001",
    "device-denied",
    category="groups",
    severity=Severity.ERROR,
    cure=Cure("tabbydoctor.remedies.groups:join_groups", Safety.UNSAFE),
)
def device_denied(
    need: GpuNeed, instance: Instance, machine: Machine, nodes: DeviceNodes, service: ServiceGroups
) -> Iterator[Finding]:
    if instance.contained:
        raise Absent(f"{instance.container} is given its devices by its engine")
    needed = needed_nodes(nodes, instance, machine)
    denied = dict(denied_nodes(needed, service.uid, service.configured))
    if not denied:
        return
    more = f" and {len(denied) - 1} more" if len(denied) > 1 else ""
    yield Finding(
        f"{service.user} cannot open {next(iter(denied))}{more}",
        f"{instance.name} runs as {service.user} with the groups "
        f"{service.names_of(service.configured)}; CUDA needs to read and write these nodes.",
        tuple(
            Evidence(path, f"read and write for {service.user}", _state(path, denier, service))
            for path, denier in denied.items()
        ),
        tuple(_remedies(needed, denied, instance, machine, service)),
        severity=Severity.WARNING if _some_gpu_is_left(needed, denied) else None,
    )


def _some_gpu_is_left(needed: Mapping[str, PathStatus], denied: Mapping[str, FileStatus]) -> bool:
    """Only some of several GPUs are denied: TabbyAPI runs on the others."""
    gpus = set(needed) - set(CONTROL_NODES)
    return not set(denied) & set(CONTROL_NODES) and bool(gpus - set(denied))


def _state(path: str, denier: FileStatus, service: ServiceGroups) -> str:
    where = "" if denier.path == path else f"{denier.path} is "
    acl = " with an ACL" if denier.acl else ""
    group = service.name_of(denier.gid)
    return f"{where}mode {denier.permissions:04o}, owner {denier.uid}, group {group}{acl}"


def _remedies(
    needed: Mapping[str, PathStatus],
    denied: Mapping[str, FileStatus],
    instance: Instance,
    machine: Machine,
    service: ServiceGroups,
) -> Iterator[Remedy]:
    groups = opening_groups(needed, denied, service)
    if groups:
        yield from _join(groups, instance, machine, service)
    else:
        if machine.nixos:
            yield by_rebuild(_OPEN_NODES, _PARAMETERS)
            return
        yield Remedy(
            _OPEN_NODES,
            Safety.MANUAL,
            (
                "grep DeviceFile /proc/driver/nvidia/params",
                f'echo "{_OPTIONS}" | sudo tee /etc/modprobe.d/nvidia-device-files.conf',
            ),
        )


def _join(
    groups: list[str], instance: Instance, machine: Machine, service: ServiceGroups
) -> Iterator[Remedy]:
    names = ", ".join(groups)
    unit = instance.unit
    if unit is not None and not unit.user_manager:
        title = f"Give {unit.name} the group {names}"
        by_hand = by_drop_in(title, with_groups(unit, groups), machine)
        yield by_hand
        if by_hand.safety is not Safety.MANUAL:
            yield CURE
        return
    if machine.nixos:
        yield by_rebuild(
            f"Give {service.user} the group {names}, log out everywhere, and start TabbyAPI anew",
            f"{path('users', 'users', service.user, 'extraGroups')} = {literal(groups)};",
        )
        return
    yield Remedy(
        f"Add {service.user} to the group {names}, log out everywhere, and start TabbyAPI anew",
        Safety.MANUAL,
        (f"sudo usermod -aG {','.join(groups)} {service.user}",),
    )
