"""What NixOS writes is changed in configuration.nix: anywhere else the change would not last."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from tabbydoctor.deployment.nixos import STORE, managed
from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.nixos.lasting import SWITCH, in_store
from tabbydoctor.nixos.module import NixModule, generated_config
from tabbydoctor.nixos.nix_text import comment, literal, path
from tabbydoctor.nixos.options import BY_KEY
from tabbydoctor.nixos.service import environment_line, option_lines
from tabbydoctor.remedies.draft import CannotFix
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.origins import variable_name


def refuse_unit(machine: Machine, unit: Unit, settings: Iterable[tuple[str, str]]) -> None:
    """Raises CannotFix, with the lines, for a unit that NixOS writes."""
    if managed(machine, unit):
        lines = option_lines(unit, settings)
        raise CannotFix(
            f"NixOS writes {unit.name}: the change belongs into configuration.nix",
            "\n".join((*lines, f"# then: {SWITCH}")),
        )


def written_anew(instance: Instance, path: str) -> bool:
    """Whether an edit of TabbyAPI's file would not last: in the store, or made at each start."""
    before = instance.unit.get("ExecStartPre") if instance.unit else ""
    return stored(path) or path == generated_config(instance) or path in before


def refuse_store(path: str) -> None:
    """Raises CannotFix for a file in the Nix store, links that lead there followed."""
    if stored(path):
        raise CannotFix(
            f"{path} is in the Nix store: change what it is made from in configuration.nix", SWITCH
        )


def stored(path: str) -> bool:
    """Whether a file is in the Nix store, links that lead there followed."""
    return in_store(path) or os.path.realpath(path).startswith(STORE)


def network_lines(
    module: NixModule | None, unit: Unit, settings: Mapping[str, str | bool]
) -> tuple[str, ...]:
    """Keys of the section network: as options of the module, or in the unit's environment."""
    lines = []
    for key, value in settings.items():
        place = ("network", key)
        if module is not None:
            name = path("services", "tabbyapi", BY_KEY[place].name)
            lines.append(f"{name} = {literal(value)};")
        else:
            text = str(value).lower() if isinstance(value, bool) else value
            lines.append(environment_line(unit, variable_name(place), text))
    return tuple(lines)


def refuse_network(
    machine: Machine,
    instance: Instance,
    module: NixModule | None,
    config: EffectiveConfig,
    settings: Mapping[str, str | bool],
) -> None:
    """Raises CannotFix, with the lines, where NixOS writes what decides on these keys.

    A config.yml that nothing overwrites is not NixOS's: it may be edited.
    """
    unit = instance.unit
    if unit is None or not managed(machine, unit) or _ours(config, settings):
        return
    if module is None and config.config_argument:
        raise CannotFix(
            f"NixOS writes {unit.name}: change what {config.config_argument} is made from",
            "\n".join(f"# network.{key}: {literal(value)}" for key, value in settings.items()),
        )
    raise CannotFix(
        f"NixOS writes {unit.name}: the change belongs into configuration.nix "
        "(--temporary does it until then)",
        "\n".join((*network_lines(module, unit, settings), f"# then: {SWITCH}")),
    )


def _ours(config: EffectiveConfig, settings: Mapping[str, str | bool]) -> bool:
    found = [config.setting("network", key) for key in settings]
    layers = {setting.origin.layer for setting in found if setting}
    return config.config_argument is None and layers <= {"default", "working-directory"}


def refuse_router(
    machine: Machine, site: RouterSite, strategy: str, tokens_path: str, key_path: str
) -> None:
    """Raises CannotFix, with the lines, for a router whose unit or source NixOS writes.

    A source that nothing overwrites is not NixOS's, and `router-tokens` needs nothing else.
    """
    unit = site.unit
    if unit is None or not managed(machine, unit):
        return
    if strategy == "router-tokens" and _stays(site, unit):
        return
    name = "tabby_api_key"
    lines = option_lines(unit, [("LoadCredential", f"{name}:{key_path}")])
    what = [f"{key_path} holds the api_key of {tokens_path} alone, root:root and mode 0600."]
    reads = f"{site.path or 'Its source'} has to send it as `Authorization: Bearer`, to TabbyAPI "
    reads += "only, in its health check and in what it forwards."
    if strategy == "router-tokens":
        lines = ()
        what = [f"The router has to read api_key of {tokens_path} when it needs it."]
    elif _stays(site, unit):
        reads += " (--temporary edits it, and brings the key until the machine starts anew.)"
    if not _stays(site, unit):
        reads += f" NixOS writes that file: change what it is made from, or move it out of {STORE}."
    raise CannotFix(
        f"NixOS writes {unit.name}: the change belongs into configuration.nix",
        "\n".join((*lines, *map(comment, what), comment(reads), f"# then: {SWITCH}")),
    )


def _stays(site: RouterSite, unit: Unit) -> bool:
    """Whether an edit of the router's file lasts: nothing in the store, nothing written anew."""
    path = site.path
    if path is None or stored(path) or path.startswith("/run/"):
        return False
    return path not in unit.get("ExecStartPre")
