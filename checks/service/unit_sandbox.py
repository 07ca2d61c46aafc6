"""A sandbox setting of the unit is known to break TabbyAPI.

## What it checks
`MemoryDenyWriteExecute=`, `ProcSubset=pid`, and whether `ProtectHome=`, `ProtectSystem=` and
their like hide or write-protect what TabbyAPI uses: its directory, its interpreter, its models,
its caches.

## Why it matters
TabbyAPI writes `logs/` and api_tokens.yml into its working directory, and Triton compiles into a
cache under the home directory. torch writes code at run time, psutil reads /proc/meminfo.

## How it is told
From the settings systemd has loaded, and the paths the deployment really uses. Settings that do
no harm are not mentioned.

## What to do
Lift the setting, or open the path with `ReadWritePaths=` (`BindPaths=` under
`ProtectHome=tmpfs`).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.sandbox import Rule, forbids_writing, hides
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.tabbyapi.config import EffectiveConfig

from . import command, shown, unit_of

_BREAKS = (
    (
        "MemoryDenyWriteExecute",
        "yes",
        "no",
        "torch's half-precision kernels for the CPU write code at run time and fail",
    ),
    (
        "ProcSubset",
        "pid",
        "all",
        "it hides /proc/meminfo and /proc/driver/nvidia, which psutil and TabbyAPI read",
    ),
)


@check("SVC012", "unit-sandbox", category="service", severity=Severity.WARNING)
def unit_sandbox(instance: Instance, config: EffectiveConfig | None) -> Iterator[Finding]:
    unit = unit_of(instance)
    for name, harmful, harmless, why in _BREAKS:
        if unit.get(name) == harmful:
            yield _finding(unit, f"{name}={harmful}", f"{name}={harmless}", f"{why}.", name)
    for rule, harms in _harms(instance, unit, config).items():
        name = rule.setting.partition("=")[0]
        paths = ", ".join(dict.fromkeys(path for _, path in harms))
        yield _finding(
            unit,
            rule.setting,
            f"{name}= without effect on {paths}",
            "; ".join(what for what, _ in harms) + ".",
            name,
            "" if rule.final else f", or open {paths} with ReadWritePaths=",
        )


def _harms(
    instance: Instance, unit: Unit, config: EffectiveConfig | None
) -> dict[Rule, list[tuple[str, str]]]:
    """Rule -> what it takes away from TabbyAPI, and the path to open again."""
    harms: dict[Rule, list[tuple[str, str]]] = {}
    for what, path in _used(instance, config):
        rule = hides(unit, path)
        if rule:
            harms.setdefault(rule, []).append((f"{what} ({path}) is hidden from it", path))
    for what, path in _written(instance, config):
        rule = forbids_writing(unit, path)
        if rule and rule.reach == "read-only":
            directory = posixpath.dirname(path)
            harms.setdefault(rule, []).append((f"{what} is read-only for it", directory))
    return harms


def _used(instance: Instance, config: EffectiveConfig | None) -> Iterator[tuple[str, str]]:
    """What TabbyAPI must see."""
    directory = instance.directory
    yield "its working directory", directory
    if instance.main_directory != directory:
        yield "its program", instance.main_directory
    if instance.python and instance.python.startswith("/"):
        yield "its interpreter", instance.python
    if config and config.value("model", "model_name"):
        models = str(config.value("model", "model_dir") or "models")
        models = posixpath.normpath(posixpath.join(directory, models))
        if not models.startswith(f"{directory}/"):
            yield "its models", models


def _written(instance: Instance, config: EffectiveConfig | None) -> Iterator[tuple[str, str]]:
    """What TabbyAPI must write: its log files, and where a model is loaded Triton's cache."""
    yield "its working directory (logs/, api_tokens.yml)", f"{instance.directory}/logs"
    loads = config and config.value("model", "model_name")
    if not loads or config is None or config.value("developer", "unsafe_launch"):
        return
    environment = instance.environment
    home = environment.get("HOME") or (instance.user.home if instance.user else "")
    cache = environment.get("TRITON_CACHE_DIR") or (f"{home}/.triton" if home else "")
    if cache.startswith("/"):
        yield f"Triton's cache ({cache})", cache


def _finding(
    unit: Unit, setting: str, expected: str, why: str, name: str, opening: str = ""
) -> Finding:
    return Finding(
        f"{setting} of {unit.name} breaks TabbyAPI",
        f"{why[0].upper()}{why[1:]}",
        (Evidence(shown(unit, name), expected, setting),),
        (
            Remedy(
                f"Lift {name}= in a drop-in{opening}",
                Safety.MANUAL,
                (command(unit, "edit"), command(unit, "restart")),
            ),
        ),
    )
