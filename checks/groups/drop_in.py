"""The exact way to a setting of a unit: a drop-in, or the line of configuration.nix."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from tabbydoctor.api import Remedy, Safety
from tabbydoctor.deployment.nixos import managed
from tabbydoctor.deployment.parts import Machine
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.nixos.service import option_lines


def drop_in(
    title: str, unit: Unit, machine: Machine, name: str, settings: Sequence[tuple[str, str]]
) -> Remedy:
    """A remedy that adds `[Service]` settings to a unit and restarts it.

    `name` is the drop-in's file name without `.conf` (systemd.unit(5)).
    """
    if managed(machine, unit):
        return by_rebuild(title, *option_lines(unit, settings))
    base = "~/.config/systemd/user" if unit.user_manager else "/etc/systemd/system"
    sudo = "" if unit.user_manager else "sudo "
    directory = f"{base}/{shlex.quote(unit.name)}.d"
    lines = " ".join(shlex.quote(line) for line in ("[Service]", *map("=".join, settings)))
    return Remedy(
        title,
        Safety.UNSAFE,
        (
            f"{sudo}mkdir -p {directory}",
            f"printf '%s\\n' {lines} | {sudo}tee {directory}/{name}.conf",
            f"{unit.systemctl} daemon-reload",
            restart(unit),
        ),
    )


def restart(unit: Unit) -> str:
    """The command that restarts a unit."""
    return f"{unit.systemctl} restart {shlex.quote(unit.name)}"
