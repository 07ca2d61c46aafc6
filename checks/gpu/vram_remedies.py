"""Ways to make a model fit: a smaller cache, less beside it, a smaller model. All with numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tabbydoctor.api import Remedy, Severity
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.gpu.byte_range import gib
from tabbydoctor.gpu.cache_layout import NAMED_MODES, PAGE
from tabbydoctor.gpu.memory_need import MemoryNeed
from tabbydoctor.gpu.memory_room import MemoryRoom
from tabbydoctor.gpu.placement import (
    FEWEST_TOKENS,
    gpus_used,
    in_mode,
    largest_weights,
    of_size,
    total,
)
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.config import EffectiveConfig, Origin

from ..config import edit
from .free_memory import free_memory

_STOPPED = 3


def remedies(
    need: MemoryNeed,
    room: MemoryRoom,
    instance: Instance,
    config: EffectiveConfig,
    severity: Severity,
) -> Iterator[Remedy]:
    """What brings the high estimate under what is free, the mildest first."""
    gpus, limit = gpus_used(need, room), room.free
    yield from _split(need, room, instance, config)
    smaller = (_cache_mode(need, gpus, limit), _cache_size(need, gpus, limit))
    yield from (
        edit(change.title, _where(config, change.key), instance, change.wanted)
        for change in smaller
        if change
    )
    if severity is Severity.WARNING:
        yield from (free_memory(holder) for holder in room.holders[:_STOPPED])
    if not any(smaller):
        weights = largest_weights(need, room)
        size = f" of at most {gib(weights)} GiB" if weights > 0 else ""
        yield Remedy(f"Take a smaller quantization or model{size}, or let TabbyAPI use more GPUs")


def _split(
    need: MemoryNeed, room: MemoryRoom, instance: Instance, config: EffectiveConfig
) -> Iterator[Remedy]:
    """Where it would fit without `gpu_split`."""
    split, whole = config.setting("model", "gpu_split"), room.unsplit
    if split is None or whole is None or not room.limits:
        return
    if total(need, whole).low <= whole.free:
        yield edit(
            f"Raise model.gpu_split ({whole.where} have {gib(whole.free)} GiB free), or take it "
            "out and let TabbyAPI split by itself (gpu_split_auto: true)",
            split.origin,
            instance,
            {("model", "gpu_split"): None, ("model", "gpu_split_auto"): True},
        )


@dataclass(frozen=True, slots=True)
class _Change:
    """One that suffices."""

    key: str
    """What it changes above all."""
    title: str
    wanted: Mapping[tuple[str, str], str | int]
    """Section and key -> value."""


def _cache_mode(need: MemoryNeed, gpus: int, limit: int) -> _Change | None:
    """The mildest mode that brings it under the limit; None where none does."""
    now = need.model.bits
    milder = [(name, bits) for name, bits in NAMED_MODES.items() if not now or sum(bits) < sum(now)]
    for name, bits in milder:
        with_it = in_mode(need, bits).total(gpus)
        if with_it.high <= limit:
            title = f"Set cache_mode: {name} under model: (then {with_it})"
            return _Change("cache_mode", title, {("model", "cache_mode"): name})
    return None


def _cache_size(need: MemoryNeed, gpus: int, limit: int) -> _Change | None:
    """The largest cache that brings it under the limit; None where none does."""
    fewest, most = FEWEST_TOKENS // PAGE, (need.tokens[1] - 1) // PAGE
    while fewest <= most:
        pages = (fewest + most) // 2
        if of_size(need, pages * PAGE).total(gpus).high <= limit:
            fewest = pages + 1
        else:
            most = pages - 1
    if most * PAGE < FEWEST_TOKENS:
        return None
    with_it = of_size(need, most * PAGE).total(gpus)
    tokens = most * PAGE
    title = f"Set cache_size: {tokens} and max_seq_len: {tokens} under model: (then {with_it})"
    wanted = {("model", key): tokens for key in ("cache_size", "max_seq_len")}
    return _Change("cache_size", title, wanted)


def _where(config: EffectiveConfig, key: str) -> Origin:
    """Where the key is set, or else the model is named."""
    for name in (key, "model_name"):
        setting = config.setting("model", name)
        if setting and setting.origin.layer != "default":
            return setting.origin
    return Origin("default", "the default")
