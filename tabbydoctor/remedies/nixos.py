"""What NixOS writes is changed in configuration.nix: anywhere else the change would not last."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from tabbydoctor.deployment.nixos import STORE, edit_lasts, in_store, managed
from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.nixos.by_rebuild import THEN
from tabbydoctor.nixos.key_lines import key_lines
from tabbydoctor.nixos.module import NixModule
from tabbydoctor.nixos.nix_text import comment, literal
from tabbydoctor.nixos.service import option_lines
from tabbydoctor.remedies.draft import CannotFix
from tabbydoctor.tabbyapi.config import EffectiveConfig


def refuse_unit(machine: Machine, unit: Unit, settings: Iterable[tuple[str, str]]) -> None:
    """Raises CannotFix, with the lines, for a unit that NixOS writes."""
    if managed(machine, unit):
        lines = option_lines(unit, settings)
        raise CannotFix(
            f"NixOS writes {unit.name}: the change belongs into configuration.nix",
            "\n".join((*lines, THEN)),
        )


def keeps_edits(path: str, site: Instance | RouterSite) -> bool:
    """Whether an edit lasts; links that lead into the store are followed."""
    return edit_lasts(path, site) and not leads_into_store(path)


def refuse_store(path: str) -> None:
    """Raises CannotFix for a file in the Nix store, links that lead there followed."""
    if leads_into_store(path):
        raise CannotFix(
            f"{path} is in the Nix store: change what it is made from (on NixOS in "
            "configuration.nix)"
        )


def leads_into_store(path: str) -> bool:
    """Whether a file is in the Nix store, links that lead there followed.

    Links are resolved here and now, past the facts: no fact names every place that a remedy
    writes to, and the engine, which follows root's links, does not say where they led.
    """
    return in_store(path) or in_store(os.path.realpath(path))


def network_lines(instance: Instance, settings: Mapping[str, str | bool]) -> tuple[str, ...]:
    """Keys of the section network: as options of the module, or in the unit's environment."""
    wanted = {("network", key): value for key, value in settings.items()}
    return key_lines(instance, wanted, "default")


def refuse_network(
    machine: Machine,
    instance: Instance,
    module: NixModule | None,
    config: EffectiveConfig,
    settings: Mapping[str, str | bool],
) -> None:
    """Raises CannotFix, with the lines, where NixOS writes what decides on these keys.

    A configuration file that nothing overwrites is not NixOS's: it may be edited.
    """
    unit = instance.unit
    ours = module is not None or managed(machine, unit)
    if unit is None or not ours or _in_own_file(instance, config, settings):
        return
    place = config.config_argument or _argument(config, settings)
    if module is None and place:
        raise CannotFix(
            f"NixOS writes {unit.name}: change what {place} is made from",
            "\n".join(f"# network.{key}: {literal(value)}" for key, value in settings.items()),
        )
    raise CannotFix(
        f"NixOS writes {unit.name}: the change belongs into configuration.nix "
        "(--temporary does it until then)",
        "\n".join((*network_lines(instance, settings), THEN)),
    )


def _in_own_file(
    instance: Instance, config: EffectiveConfig, settings: Mapping[str, str | bool]
) -> bool:
    """Whether all of it is decided by a file in which an edit lasts."""
    if config.config_argument:
        return keeps_edits(config.config_argument, instance)
    found = [config.setting("network", key) for key in settings]
    layers = {setting.origin.layer for setting in found if setting}
    own = f"{instance.directory.rstrip('/')}/config.yml"
    return layers <= {"default", "working-directory"} and keeps_edits(own, instance)


def _argument(config: EffectiveConfig, settings: Mapping[str, str | bool]) -> str:
    """The argument that decides on one of the keys, which no variable beats; else empty."""
    found = [config.setting("network", key) for key in settings]
    places = [one.origin.where for one in found if one and one.origin.layer == "argument"]
    return places[0] if places else ""


def refuse_router(
    machine: Machine, site: RouterSite, strategy: str, tokens_path: str, key_path: str
) -> None:
    """Raises CannotFix, with the lines, for a router whose unit or source NixOS writes.

    A source that nothing overwrites is not NixOS's, and `router-tokens` needs nothing else.
    """
    unit = site.unit
    if unit is None or not managed(machine, unit):
        return
    if strategy == "router-tokens" and _stays(site):
        return
    name = "tabby_api_key"
    lines = option_lines(unit, [("LoadCredential", f"{name}:{key_path}")])
    what = [f"{key_path} holds the api_key of {tokens_path} alone, root:root and mode 0600."]
    reads = f"{site.path or 'Its source'} has to send it as `Authorization: Bearer`, to TabbyAPI "
    reads += "only, in its health check and in what it forwards."
    if strategy == "router-tokens":
        lines = ()
        what = [f"The router has to read api_key of {tokens_path} when it needs it."]
    elif _stays(site):
        reads += " (--temporary edits it, and brings the key until the machine starts anew.)"
    if not _stays(site):
        reads += f" NixOS writes that file: change what it is made from, or move it out of {STORE}."
    raise CannotFix(
        f"NixOS writes {unit.name}: the change belongs into configuration.nix",
        "\n".join((*lines, *map(comment, what), comment(reads), THEN)),
    )


def _stays(site: RouterSite) -> bool:
    """Whether an edit of the router's file lasts."""
    return site.path is not None and keeps_edits(site.path, site)
