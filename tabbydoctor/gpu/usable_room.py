"""The memory that `gpu_split` leaves TabbyAPI, beside what there would be without it."""

from __future__ import annotations

from tabbydoctor.deployment.parts import Instance, Machine, ProcessTable
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.memory_room import MemoryRoom, memory_room, shares_of
from tabbydoctor.gpu.visible import VARIABLE
from tabbydoctor.records import dataclass, fields, replace
from tabbydoctor.tabbyapi.config import EffectiveConfig, Setting


@dataclass(frozen=True, slots=True)
class UsableRoom(MemoryRoom):
    """The room; where the order of unlike GPUs is not known, the most that it can be."""


def usable_room(
    driver: Driver,
    instance: Instance,
    config: EffectiveConfig,
    machine: Machine,
    processes: ProcessTable | None,
) -> UsableRoom:
    """Raises Absent and Unknown as `memory_room` does, where not even the most can be told."""

    def room(given: EffectiveConfig) -> MemoryRoom:
        return memory_room(driver, instance, given, machine, processes)

    split = config.setting("model", "gpu_split")
    if split is None or not isinstance(split.value, list) or not split.value:
        return _usable(room(config))
    try:
        whole = room(_without(config, split))
    except (Absent, Unknown):
        return _usable(room(config))
    try:
        return _usable(replace(room(config), unsplit=whole))
    except Unknown as reason:
        most = _most(whole, split.value) if VARIABLE not in instance.environment else None
        if most is None or str(reason).endswith("memory"):
            raise
        return _usable(replace(most, unsplit=whole, unordered=str(reason)))


def _usable(room: MemoryRoom) -> UsableRoom:
    return UsableRoom(**{field.name: getattr(room, field.name) for field in fields(room)})


def _without(config: EffectiveConfig, split: Setting) -> EffectiveConfig:
    bare: Setting = replace(split, value=[])
    return replace(config, settings={**config.settings, ("model", "gpu_split"): bare})


def _most(whole: MemoryRoom, split: list[object]) -> MemoryRoom | None:
    """The largest shares on the largest GPUs: no other order has more room."""
    gpus = whole.gpus
    shares = sorted(shares_of(split, len(gpus)), reverse=True)
    totals = sorted((gpu.total_bytes or 0 for gpu in gpus), reverse=True)
    room = sum(int(min(share, total)) for share, total in zip(shares, totals, strict=True))
    return replace(whole, total=room, free=min(room, whole.free), each=()) if room else None


GATHERERS = (usable_room,)
