"""What NixOS writes is changed in configuration.nix: anywhere else the change would not last."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping

from tabbydoctor.deployment.nixos import STORE, edit_lasts, in_store, managed
from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.nixos.by_rebuild import THEN, steps
from tabbydoctor.nixos.key_lines import key_lines
from tabbydoctor.nixos.module import NixModule
from tabbydoctor.nixos.nix_text import comment, literal
from tabbydoctor.nixos.service import option_lines
from tabbydoctor.remedies.draft import CannotFix
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.by_hand import DISABLE, disable_command, key_by_hand
from tabbydoctor.tabbyapi.config import EffectiveConfig


def refuse_unit(machine: Machine, unit: Unit, settings: Iterable[tuple[str, str]]) -> None:
    """Raises CannotFix, with the lines, for a unit that NixOS writes."""
    if managed(machine, unit):
        said = list(settings)
        files = [value for key, value in said if key == "EnvironmentFile"]
        made = [line for path in files for line in file_steps(unit, path)]
        raise CannotFix(
            f"NixOS writes {unit.name}: the change belongs into configuration.nix",
            "\n".join((*made, *option_lines(unit, said), THEN)),
        )


def file_steps(unit: Unit, path: str) -> tuple[str, ...]:
    """The commands that make a file without which its unit does not start, as comments.

    One that the unit reads already is not made anew: that would empty it.
    """
    there = any(file.path == path and file.text is not None for file in unit.environment_files)
    quoted = shlex.quote(path)
    make = () if there else (f"sudo install -D -m 600 /dev/null {quoted}",)
    return steps("first", (*make, f"sudoedit {quoted}"))


def keeps_edits(path: str, site: Instance | RouterSite) -> bool:
    """Whether an edit lasts; links that lead into the store are followed."""
    return edit_lasts(path, site) and not leads_into_store(path)


def refuse_store(path: str, manual: str = "") -> None:
    """Raises CannotFix, with what to do, for a file in the Nix store, links there followed."""
    if leads_into_store(path):
        raise CannotFix(
            f"{path} is in the Nix store: change what it is made from (on NixOS in "
            "configuration.nix)",
            manual,
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
    machine: Machine,
    site: RouterSite,
    strategy: str,
    tokens_path: str,
    key_path: str,
    reading: RouterReading | None = None,
) -> None:
    """Raises CannotFix, with the lines, for a router whose unit or source NixOS writes.

    A source that nothing overwrites is not NixOS's, and `router-tokens` needs nothing else.
    """
    unit = site.unit
    if unit is None or not managed(machine, unit):
        return
    if strategy == "router-tokens" and _stays(site):
        return
    said: list[str] = []
    key = tokens_path
    if strategy != "router-tokens":
        key += " (then also in $CREDENTIALS_DIRECTORY/tabby_api_key)"
        holds = f"{key_path} holds the api_key of {tokens_path} alone, root:root and mode 0600."
        lines = option_lines(unit, [("LoadCredential", f"tabby_api_key:{key_path}")])
        said += [*file_steps(unit, key_path), comment(holds), *lines]
    if _stays(site):
        reads = "has to send it as `Authorization: Bearer`, to TabbyAPI only, in its health check "
        reads += "and in what it forwards. (--temporary edits it, and brings the key until the "
        said += [comment(f"{site.path} {reads}machine starts anew.)"), THEN]
    else:
        change, *instead = source_by_hand(site.path or "its source", key, reading)
        said += [change, THEN, *instead]
    raise CannotFix(
        f"NixOS writes {unit.name}: the change belongs into configuration.nix", "\n".join(said)
    )


def source_by_hand(path: str, tokens_path: str, reading: RouterReading | None) -> tuple[str, ...]:
    """What to do about a router whose source is in the store, as comments: the change first."""
    change = f"{key_by_hand(path, reading, tokens_path)}; or move it out of {STORE}."
    instead = f"{DISABLE[0].upper()}{DISABLE[1:]}:"
    return (comment(change), comment(instead), *steps("run", (disable_command(),)))


def _stays(site: RouterSite) -> bool:
    """Whether an edit of the router's file lasts."""
    return site.path is not None and keeps_edits(site.path, site)
