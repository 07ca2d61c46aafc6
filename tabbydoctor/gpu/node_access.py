"""Which device nodes a TabbyAPI needs, and which of them an account cannot open."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.documents import whole_number
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.gpu.driver import DeviceNodes
from tabbydoctor.gpu.service_groups import ServiceGroups
from tabbydoctor.gpu.visible import VARIABLE
from tabbydoctor.host.access import PathStatus
from tabbydoctor.host.data import FileStatus

CONTROL_NODES = ("/dev/nvidiactl", "/dev/nvidia-uvm")


def needed_nodes(nodes: DeviceNodes, instance: Instance, machine: Machine) -> dict[str, PathStatus]:
    """The nodes CUDA opens, of those that are there: NVIDIA's control nodes and the GPUs'.

    Raises Absent where there are none: without a driver nothing is denied.
    """
    if machine.wsl:
        raise Absent("WSL has no NVIDIA device nodes")
    if "/dev/nvidiactl" not in nodes.nodes:
        raise Absent("there are no NVIDIA device nodes")
    paths = [*CONTROL_NODES, *(f"/dev/nvidia{minor}" for minor in _minors(nodes, instance))]
    return {path: nodes.nodes[path] for path in paths if path in nodes.nodes}


def _minors(nodes: DeviceNodes, instance: Instance) -> list[int]:
    """The GPUs meant by CUDA_VISIBLE_DEVICES where it numbers them, else all."""
    chosen = [part.strip() for part in instance.environment.get(VARIABLE, "").split(",")]
    named = [number for part in chosen if (number := whole_number(part)) is not None]
    return [minor for minor in sorted(nodes.gpus) if not named or minor in named]


def denied_nodes(
    nodes: Mapping[str, PathStatus], uid: int, groups: Collection[int]
) -> Iterator[tuple[str, FileStatus]]:
    """Each node the account cannot open for reading and writing, with what denies it."""
    for path, status in nodes.items():
        denier = status.denied_at(uid, groups, "r") or status.denied_at(uid, groups, "w")
        if denier is not None:
            yield path, denier


def opening_groups(
    needed: Mapping[str, PathStatus], denied: Collection[str], service: ServiceGroups
) -> list[str]:
    """The groups that would open every denied node to the service, by name; empty for none.

    Root's own group is none: it would hand out far more than a GPU.
    """
    gids = {needed[path].leaf.gid for path in denied} - {0}
    if not gids or list(denied_nodes(needed, service.uid, service.configured | gids)):
        return []
    return sorted(service.name_of(gid) for gid in gids)


def opened_by_restart(
    needed: Mapping[str, PathStatus], instance: Instance, service: ServiceGroups
) -> list[str]:
    """The nodes that the running process cannot open, and that its next start could.

    Raises Absent where it is not running, Unknown where its groups may not be seen.
    """
    process = instance.process
    if process is None:
        raise Absent(f"{instance.name} is not running")
    if service.running is None or process.uid is None:
        raise Unknown(f"the groups of process {process.pid} may not be seen: run as root")
    denied = dict(denied_nodes(needed, process.uid, service.running))
    would_be = dict(denied_nodes(needed, process.uid, service.configured))
    return [path for path in denied if path not in would_be]
