"""The exact way to a setting of a unit: a drop-in, or the line of configuration.nix."""

from __future__ import annotations

from tabbydoctor.api import Remedy, Safety
from tabbydoctor.deployment.drop_ins import DropIn
from tabbydoctor.deployment.nixos import managed
from tabbydoctor.deployment.parts import Machine
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.nixos.emptied_lists import drop_in_lines


def by_drop_in(title: str, drop_in: DropIn, machine: Machine) -> Remedy:
    """A remedy that adds settings to a unit and restarts it."""
    if managed(machine, drop_in.unit):
        return by_rebuild(title, *drop_in_lines(drop_in.unit, drop_in.settings))
    return Remedy(title, Safety.UNSAFE, drop_in.commands)
