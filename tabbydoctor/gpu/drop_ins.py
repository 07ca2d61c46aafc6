"""The drop-ins that give a unit the GPU."""

from __future__ import annotations

from collections.abc import Iterable

from tabbydoctor.deployment.drop_ins import DropIn
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.gpu.device_policy import openings
from tabbydoctor.gpu.driver import DeviceNodes


def with_groups(unit: Unit, groups: Iterable[str]) -> DropIn:
    """The unit with groups more (systemd.exec(5))."""
    return DropIn(unit, "gpu-groups", (("SupplementaryGroups", " ".join(groups)),))


def with_devices(unit: Unit, nodes: DeviceNodes) -> DropIn:
    """The unit with the GPU's nodes open to it (systemd.resource-control(5)); no settings where
    they are."""
    return DropIn(unit, "gpu-devices", tuple(openings(unit, nodes)))
