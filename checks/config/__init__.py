"""Checks of TabbyAPI's configuration: CFG001 to CFG016."""

from __future__ import annotations

import json
import shlex
from typing import Any

from tabbydoctor.api import Remedy, Safety
from tabbydoctor.deployment.nixos import (
    edit_lasts,
    generated_config,
    in_store,
    managed,
    temporary_config,
)
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.nixos.by_rebuild import by_rebuild, where_made
from tabbydoctor.nixos.key_lines import WantedKeys, key_lines
from tabbydoctor.nixos.module import taken_back
from tabbydoctor.redaction import redact
from tabbydoctor.tabbyapi.config import Origin
from tabbydoctor.tabbyapi.keys import is_secret

from ..container import in_container, made_anew

_LONGEST = 60


def shown(section: str, key: str | None, value: Any) -> str:
    """A value for a finding, short, and hidden where it may be a secret."""
    if is_secret(section, key) or isinstance(value, dict):
        return "***" if value is not None and not isinstance(value, dict) else "a mapping"
    text = redact(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def edit(
    title: str,
    origin: Origin,
    instance: Instance | None = None,
    wanted: WantedKeys | None = None,
    machine: Machine | None = None,
) -> Remedy:
    """A remedy by hand: the change in words, the command that opens the place, the restart.

    `wanted` is what the change comes to. Where NixOS writes the place, it is said as lines for
    configuration.nix.
    """
    restart = instance.restart if instance else ()
    file = _place(origin, instance)
    # No line of Nix is stronger than a file of variables.
    said = wanted if wanted and not (file and origin.layer == "environment") else {}
    lines = key_lines(instance, said, origin.layer) if instance else ()
    if written_by_nixos(origin, instance, machine) or (lines and _beaten(instance, said)):
        copy = temporary_config(instance) if instance else None
        return by_rebuild(title, *lines, first=taken_back(copy, lines))
    inside = in_container(title, file, instance) if file and instance else None
    if inside:
        return inside
    if file and in_store(file):
        return where_made(title, file, nixos=False)
    if file:
        return Remedy(title, Safety.MANUAL, (f"sudoedit {shlex.quote(file)}", *restart))
    if origin.layer in ("environment", "argument") and instance and instance.unit:
        if instance.contained:
            return made_anew(title, instance.contained)
        open_it = f"{instance.unit.systemctl} edit {shlex.quote(instance.unit.name)}"
        return Remedy(title, Safety.MANUAL, (open_it, *restart))
    if origin.layer in ("environment", "argument") and instance and instance.contained:
        return made_anew(title, instance.contained)
    return Remedy(title, Safety.MANUAL)


def written_by_nixos(origin: Origin, instance: Instance | None, machine: Machine | None) -> bool:
    """Whether an edit there would be gone after the next start or rebuild.

    A file is NixOS's where edits of it do not last. What stands in no file stands in the unit, or
    would have to.
    """
    if instance is None or not by_nixos(instance, machine):
        return False
    file = _place(origin, instance)
    return file is None or not edit_lasts(file, instance)


def _place(origin: Origin, instance: Instance | None) -> str | None:
    """The file to edit; None for what stands in the unit itself."""
    if origin.layer not in ("environment", "argument"):
        return origin.path
    if instance is None or instance.unit is None or origin.path is None:
        return None
    own = {file.path for file in instance.unit.files}
    in_unit = origin.path in own or origin.path.endswith((".service", ".conf"))
    return None if in_unit else origin.path


def by_nixos(instance: Instance, machine: Machine | None) -> bool:
    """Whether NixOS writes TabbyAPI's unit; a deployment of the module's shape shows it itself."""
    return managed(machine, instance.unit) or generated_config(instance) is not None


def _beaten(instance: Instance | None, wanted: WantedKeys) -> bool:
    """Whether the module's file, which beats any other, is to say it: not what is taken out."""
    by_module = instance is not None and generated_config(instance) is not None
    return by_module and None not in wanted.values()


def made_elsewhere(path: str, instance: Instance, machine: Machine | None) -> Remedy | None:
    """For a --config file that cannot be used: what to do where it cannot be edited either."""
    if generated_config(instance) == path:
        title = "Start TabbyAPI anew: the NixOS module writes the file at each start"
        return Remedy(title, Safety.UNSAFE, instance.restart)
    if by_nixos(instance, machine) and not edit_lasts(path, instance):
        return by_rebuild(f"Change what {path} is made from")
    return Remedy(f"Change what {path} is made from") if in_store(path) else None
