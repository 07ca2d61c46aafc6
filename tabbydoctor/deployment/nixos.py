"""What the NixOS configuration writes: it has to be changed there, or the change does not last."""

from __future__ import annotations

from tabbydoctor.deployment.parts import Machine
from tabbydoctor.deployment.unit import Unit

STORE = "/nix/store/"


def managed(machine: Machine | None, unit: Unit | None) -> bool:
    """Whether NixOS writes this machine's system units, or a unit runs out of the Nix store."""
    if unit is not None and unit.user_manager:
        machine = None
    if machine is not None and machine.nixos:
        return True
    return unit is not None and from_store(unit)


def from_store(unit: Unit) -> bool:
    """Whether a unit's file or its program is in the Nix store."""
    paths = [*unit.command[:1], unit.get("FragmentPath"), *(file.path for file in unit.files)]
    return any(path.startswith(STORE) for path in paths)
