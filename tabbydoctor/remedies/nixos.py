"""What NixOS writes is changed in configuration.nix: anywhere else the change would not last."""

from __future__ import annotations

from collections.abc import Iterable

from tabbydoctor.deployment.nixos import STORE, managed, option_lines
from tabbydoctor.deployment.parts import Machine
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.remedies.draft import CannotFix

_SWITCH = "sudo nixos-rebuild switch"


def refuse_unit(machine: Machine, unit: Unit, settings: Iterable[tuple[str, str]]) -> None:
    """Raises CannotFix, with the lines, for a unit that NixOS writes."""
    if managed(machine, unit):
        lines = option_lines(unit, settings)
        raise CannotFix(
            f"NixOS writes {unit.name}: the change belongs into configuration.nix",
            "\n".join((*lines, f"# then: {_SWITCH}")),
        )


def refuse_configuration(machine: Machine, unit: Unit | None) -> None:
    """Raises CannotFix where NixOS writes TabbyAPI's configuration at each start."""
    if managed(machine, unit):
        raise CannotFix(
            "NixOS writes TabbyAPI's configuration at each start: change the options of "
            "services.tabbyapi in configuration.nix",
            _SWITCH,
        )


def refuse_store(path: str) -> None:
    """Raises CannotFix for a file in the Nix store."""
    if path.startswith(STORE):
        raise CannotFix(f"{path} is in the Nix store: change it in configuration.nix", _SWITCH)
