"""Checks of TabbyAPI's configuration: CFG001 to CFG014."""

from __future__ import annotations

import json
import shlex
from typing import Any

from tabbydoctor.api import Remedy, Safety
from tabbydoctor.deployment.nixos import managed
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.nixos.lasting import Keys, in_store, key_lines, lasting
from tabbydoctor.nixos.module import generated_config
from tabbydoctor.tabbyapi.config import ConfigFile, Origin
from tabbydoctor.tabbyapi.keys import is_secret

_LONGEST = 60


def shown(section: str, key: str | None, value: Any) -> str:
    """A value for a finding, short, and hidden where it may be a secret."""
    if is_secret(section, key) or isinstance(value, dict):
        return "***" if value is not None and not isinstance(value, dict) else "a mapping"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def edit(
    title: str, origin: Origin, instance: Instance | None = None, wanted: Keys | None = None
) -> Remedy:
    """A remedy by hand: the change in words, the command that opens the place, the restart.

    `wanted` is what the change comes to. Where NixOS writes the place, it is said as lines for
    configuration.nix.
    """
    restart = instance.restart if instance else ()
    lines = key_lines(instance, wanted) if instance and wanted else ()
    if written_by_nixos(origin, instance) or (lines and _beaten_by_nixos(instance, wanted)):
        return lasting(title, *lines)
    if origin.path and origin.layer in ("working-directory", "config-file"):
        return Remedy(title, Safety.MANUAL, (f"sudoedit {shlex.quote(origin.path)}", *restart))
    if origin.layer in ("environment", "argument") and instance and instance.unit:
        if origin.path and not origin.path.endswith((".service", ".conf")):
            return Remedy(title, Safety.MANUAL, (f"sudoedit {shlex.quote(origin.path)}", *restart))
        open_it = f"{instance.unit.systemctl} edit {shlex.quote(instance.unit.name)}"
        return Remedy(title, Safety.MANUAL, (open_it, *restart))
    return Remedy(title, Safety.MANUAL)


def written_by_nixos(origin: Origin, instance: Instance | None) -> bool:
    """Whether an edit there would be gone after the next start or rebuild."""
    if origin.path and in_store(origin.path):
        return True
    ours = instance is not None and managed(None, instance.unit)
    return ours and origin.layer in ("config-file", "environment", "argument")


def _beaten_by_nixos(instance: Instance | None, wanted: Keys | None) -> bool:
    """Whether the module's file, which beats any other, is to say it: not what is taken out."""
    by_module = instance is not None and generated_config(instance) is not None
    return by_module and None not in (wanted or {}).values()


def written_at_start(file: ConfigFile, instance: Instance) -> Remedy:
    """For a --config file that cannot be used on NixOS: an edit of it would not last."""
    if generated_config(instance) == file.path:
        title = "Start TabbyAPI anew: the NixOS module writes the file at each start"
        return Remedy(title, Safety.UNSAFE, instance.restart)
    return lasting(f"Change what {file.path} is made from")


def on_nixos(machine: Machine | None, instance: Instance | None) -> bool:
    """Whether the NixOS module writes this deployment's configuration."""
    return managed(machine, instance.unit if instance else None)
