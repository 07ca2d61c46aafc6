"""An edit of this configuration file does not last.

## What it checks
Whether the router writes TabbyAPI's configuration file (some do on every model switch), and
whether the service itself replaces it at each start, as the NixOS module does.

## Why it matters
What is changed by hand in the file is gone after the next switch or start.

## How it is told
From the files that the router's source opens for writing, and from the unit's `ExecStartPre=`.

## What to do
Change what writes the file: the router's template or code, or `configuration.nix`.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.routers import RouterReading
from tabbydoctor.tabbyapi.config import EffectiveConfig

from . import by_nixos


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
) -> Iterator[Finding]:
    paths = [file.path for file in config.files if file.problem != "missing"]
    if router is not None:
        for written, line in router.writes_files.items():
            path = _same_file(written, paths)
            if path:
                yield _by_router(path, f"{router.path}:{line}")
    nixos = by_nixos(instance, machine)
    generated = _generated(config, instance, nixos)
    if generated:
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
