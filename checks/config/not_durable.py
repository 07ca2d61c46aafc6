"""An edit of this configuration file does not last.

## What it checks
Whether the router writes TabbyAPI's configuration file (some do on every model switch), and
whether the service itself replaces it at each start, as the NixOS module does. There, whether
the file is still what NixOS wrote.

## Why it matters
What is changed by hand in the file is gone after the next switch or start. An edit of the
file that the NixOS module writes is never read: each start copies another over it first.

## How it is told
From the files that the router's source opens for writing, and from the unit's `ExecStartPre=`.
The script of the NixOS module names the file of the store that it copies: the two are compared.

## What to do
Change what writes the file: the router's template or code, or `configuration.nix`.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator
from itertools import islice

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.nixos.key_lines import WantedKeys, key_lines
from tabbydoctor.nixos.module import NixModule
from tabbydoctor.nixos.options import BY_KEY
from tabbydoctor.routers import RouterReading
from tabbydoctor.tabbyapi.binding import binds_loopback_only
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.keys import TABLE

from ..nixos import in_configuration
from . import by_nixos, shown

_AUTH, _HOST = ("network", "disable_auth"), ("network", "host")
_SHOWN = 6
"""So many changed keys are named."""


@check(
    "CFG012",
    "config-not-durable",
    category="config",
    severity=Severity.WARNING,
    caused_by=("RTR006",),
)
def not_durable(
    config: EffectiveConfig,
    instance: Instance,
    router: RouterReading | None,
    machine: Machine | None,
    module: NixModule | None = None,
) -> Iterator[Finding]:
    paths = [file.path for file in config.files if file.problem != "missing"]
    if router is not None:
        for written, line in router.writes_files.items():
            path = _same_file(written, paths)
            if path:
                yield _by_router(path, f"{router.path}:{line}")
    nixos = by_nixos(instance, machine)
    generated = _generated(config, instance, nixos)
    if generated and module and module.edits != {}:
        yield _edited(module, config, instance)
    elif generated:
        yield _at_each_start(generated, instance, nixos)


def _same_file(written: str, paths: list[str]) -> str | None:
    name = posixpath.normpath(written)
    if name.startswith("/"):
        return next((path for path in paths if path == name), None)
    return next((path for path in paths if path.endswith(f"/{name}")), None)


def _by_router(path: str, place: str) -> Finding:
    return Finding(
        f"The router overwrites {path}",
        "A change made in the file lasts until the router writes it again.",
        (Evidence(place, None, f"writes {path}"),),
        (
            Remedy(
                "Make the change where the router takes what it writes from",
                Safety.MANUAL,
                (f"grep -n {shlex.quote(posixpath.basename(path))} {place.rpartition(':')[0]}",),
            ),
        ),
    )


def _generated(config: EffectiveConfig, instance: Instance, nixos: bool) -> str | None:
    """The file that the unit replaces at each start."""
    chosen = config.config_argument
    if chosen is None or instance.unit is None:
        return None
    if chosen.startswith("/nix/store/"):
        return None
    named = chosen in instance.unit.get("ExecStartPre")
    by_module = nixos and chosen == f"{config.directory.rstrip('/')}/config/config.yml"
    return chosen if named or by_module else None


def _edited(module: NixModule, config: EffectiveConfig, instance: Instance) -> Finding:
    path, edits = module.config, module.edits or {}
    lines = key_lines(instance, _offered(edits, config), "config-file")
    changed = [Evidence(path, *_said(module, place, edits)) for place in islice(edits, _SHOWN)]
    make = in_configuration(module, "If the edit is meant, make it", *lines)
    leave = "eave it: the next start drops it"
    return Finding(
        f"{path} was edited after NixOS wrote it; the next start discards that",
        f"TabbyAPI does not run on the edit, nor will it: each start of {instance.name} copies "
        "the file of the store there first.",
        (
            *(changed or [Evidence(path, "a configuration", "nothing that TabbyAPI can read")]),
            Evidence(module.stored or path, None, "is copied there at each start"),
        ),
        (make, Remedy(f"Or l{leave}")) if edits else (Remedy(f"L{leave}"),),
    )


def _said(module: NixModule, place: tuple[str, str], edits: WantedKeys) -> tuple[str, str]:
    """The key as NixOS has it, and as the edit."""
    section = module.generated.get(place[0])
    before = section.get(place[1]) if isinstance(section, dict) else None
    texts = [
        "not set" if value is None else shown(*place, value) for value in (before, edits[place])
    ]
    return f"{'.'.join(place)}: {texts[0]}", f"{'.'.join(place)}: {texts[1]}"


def _offered(edits: WantedKeys, config: EffectiveConfig) -> WantedKeys:
    """Not what would let in everybody on the network, and not what nobody knows."""
    off = edits.get(_AUTH, config.auth_disabled) is True
    exposed = off and not binds_loopback_only(str(edits.get(_HOST) or config.host))
    return {
        place: value
        for place, value in edits.items()
        if (place in TABLE or place in BY_KEY) and not (exposed and place in (_AUTH, _HOST))
    }


def _at_each_start(path: str, instance: Instance, nixos: bool) -> Finding:
    unit = instance.unit
    source = f"systemctl cat {shlex.quote(unit.name)}" if unit else instance.name
    remedy = (
        Remedy("Change configuration.nix", Safety.MANUAL, ("sudo nixos-rebuild switch",))
        if nixos
        else Remedy("Change what the unit copies from", Safety.MANUAL, (source,))
    )
    return Finding(
        f"{path} is written anew at each start of {instance.name}",
        "A change made in the file lasts until the next start.",
        (Evidence(source, None, "ExecStartPre replaces it"),),
        (remedy,),
        severity=Severity.INFO,
        caused_by=(),
    )
