"""Checks of TabbyAPI's configuration: CFG001 to CFG014."""

from __future__ import annotations

import json
import shlex
from typing import Any

from tabbydoctor.api import Remedy, Safety
from tabbydoctor.deployment.nixos import STORE, managed
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.tabbyapi.config import Origin
from tabbydoctor.tabbyapi.keys import is_secret

_LONGEST = 60


def shown(section: str, key: str | None, value: Any) -> str:
    """A value for a finding, short, and hidden where it may be a secret."""
    if is_secret(section, key) or isinstance(value, dict):
        return "***" if value is not None and not isinstance(value, dict) else "a mapping"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def edit(title: str, origin: Origin, instance: Instance | None = None) -> Remedy:
    """A remedy by hand: the change in words, the command that opens the place, the restart."""
    restart = instance.restart if instance else ()
    if _written_by_nixos(origin, instance):
        title = f"{title} (in configuration.nix, see NIX001)"
        return Remedy(title, Safety.MANUAL, ("sudo nixos-rebuild switch",))
    if origin.path and origin.layer in ("working-directory", "config-file"):
        return Remedy(title, Safety.MANUAL, (f"sudoedit {shlex.quote(origin.path)}", *restart))
    if origin.layer in ("environment", "argument") and instance and instance.unit:
        if origin.path and not origin.path.endswith((".service", ".conf")):
            return Remedy(title, Safety.MANUAL, (f"sudoedit {shlex.quote(origin.path)}", *restart))
        open_it = f"{instance.unit.systemctl} edit {shlex.quote(instance.unit.name)}"
        return Remedy(title, Safety.MANUAL, (open_it, *restart))
    return Remedy(title, Safety.MANUAL)


def _written_by_nixos(origin: Origin, instance: Instance | None) -> bool:
    """Whether an edit there would be gone after the next start or rebuild."""
    if origin.path and origin.path.startswith(STORE):
        return True
    ours = instance is not None and managed(None, instance.unit)
    return ours and origin.layer in ("config-file", "environment", "argument")


def on_nixos(machine: Machine | None, instance: Instance | None) -> bool:
    """Whether the NixOS module writes this deployment's configuration."""
    return managed(machine, instance.unit if instance else None)
