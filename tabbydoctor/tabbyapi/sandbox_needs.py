"""What TabbyAPI needs to see and to write, and which settings of its unit forbid that."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.sandbox import Rule, forbids_writing, hides
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.tabbyapi.config import EffectiveConfig


@dataclass(frozen=True, slots=True)
class HarmfulSetting:
    """A setting that breaks TabbyAPI wherever it is."""

    name: str
    harmful: str
    harmless: str
    why: str


HARMFUL_SETTINGS = (
    HarmfulSetting(
        "MemoryDenyWriteExecute",
        "yes",
        "no",
        "torch's half-precision kernels for the CPU write code at run time and fail",
    ),
    HarmfulSetting(
        "ProcSubset",
        "pid",
        "all",
        "it hides /proc/meminfo and /proc/driver/nvidia, which psutil and TabbyAPI read",
    ),
)


@dataclass(frozen=True, slots=True)
class Harm:
    """What a rule takes away."""

    what: str
    """In words."""
    path: str
    """What has to be opened again."""


def harmful_settings(unit: Unit) -> Iterator[HarmfulSetting]:
    """Those that the unit has."""
    return (one for one in HARMFUL_SETTINGS if unit.get(one.name) == one.harmful)


def harms(
    instance: Instance, unit: Unit, config: EffectiveConfig | None
) -> Mapping[Rule, list[Harm]]:
    """What each rule of the unit's sandbox takes away from TabbyAPI."""
    found: dict[Rule, list[Harm]] = {}
    for what, path in _used(instance, config):
        rule = hides(unit, path)
        if rule:
            found.setdefault(rule, []).append(Harm(f"{what} ({path}) is hidden from it", path))
    for what, path in _written(instance, config):
        rule = forbids_writing(unit, path)
        if rule and rule.reach == "read-only":
            harm = Harm(f"{what} is read-only for it", posixpath.dirname(path))
            found.setdefault(rule, []).append(harm)
    return found


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
