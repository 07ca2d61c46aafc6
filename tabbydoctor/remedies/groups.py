"""Remedies that give TabbyAPI's unit the GPU: a group, its device nodes, or a restart."""

from __future__ import annotations

from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.driver import DeviceNodes
from tabbydoctor.gpu.drop_ins import with_devices, with_groups
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.gpu.node_access import (
    denied_nodes,
    needed_nodes,
    opened_by_restart,
    opening_groups,
)
from tabbydoctor.gpu.service_groups import ServiceGroups
from tabbydoctor.remedies import dropin, nixos
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.restarting import restart_tabbyapi


def join_groups(
    draft: Draft,
    need: GpuNeed,
    instance: Instance,
    machine: Machine,
    nodes: DeviceNodes,
    service: ServiceGroups,
) -> None:
    """GRP001: the group of the nodes for the unit, never root's. Raises CannotFix without one."""
    needed = needed_nodes(nodes, instance, machine)
    denied = dict(denied_nodes(needed, service.uid, service.configured))
    if not denied:
        return
    groups = opening_groups(needed, denied, service)
    if not groups:
        raise CannotFix(
            f"no group but root's would open {', '.join(denied)} to {service.user}: "
            "the driver has to make the nodes otherwise (NVreg_DeviceFileGID, "
            "NVreg_DeviceFileMode), and a reboot",
            "grep DeviceFile /proc/driver/nvidia/params",
        )
    unit = instance.unit
    if unit is None or unit.user_manager:
        raise CannotFix(
            f"only a system unit can be given a group: add {service.user} to "
            f"{', '.join(groups)}, log out everywhere, and start TabbyAPI anew",
            f"sudo usermod -aG {','.join(groups)} {service.user}",
        )
    drop_in = with_groups(unit, groups)
    nixos.refuse_unit(machine, unit, drop_in.settings)
    draft.title = draft.title or f"give {unit.name} the group {', '.join(groups)}"
    dropin.add(draft, drop_in, "GRP001")
    restart_tabbyapi(draft, instance, "GRP001")


def take_groups_on(
    draft: Draft,
    need: GpuNeed,
    instance: Instance,
    machine: Machine,
    nodes: DeviceNodes,
    service: ServiceGroups,
) -> None:
    """GRP002: a restart, so that the process gets the groups its account has by now."""
    if not opened_by_restart(needed_nodes(nodes, instance, machine), instance, service):
        return
    unit = instance.unit
    if unit is None:
        raise CannotFix("TabbyAPI runs under no unit: log out and in again, and start it anew")
    if unit.user_manager:
        raise CannotFix(
            f"the user manager of {unit.owner} has the old groups: log the user out",
            f"loginctl terminate-user {unit.owner}",
        )
    draft.title = draft.title or "restart TabbyAPI"
    restart_tabbyapi(draft, instance, "GRP002")


def show_devices(
    draft: Draft, need: GpuNeed, instance: Instance, machine: Machine, nodes: DeviceNodes
) -> None:
    """GRP003: the unit's sandbox leaves TabbyAPI the GPU's nodes (systemd.resource-control(5))."""
    unit = instance.unit
    if unit is None or machine.wsl:
        return
    drop_in = with_devices(unit, nodes)
    if not drop_in.settings:
        return
    nixos.refuse_unit(machine, unit, drop_in.settings)
    draft.title = draft.title or f"let {unit.name} use the GPU"
    dropin.add(draft, drop_in, "GRP003", instance.user)
    restart_tabbyapi(draft, instance, "GRP003")
