"""Ways to make a model fit: a smaller cache, less beside it, a smaller model. All with numbers."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace

from tabbydoctor.api import Remedy, Safety, Severity
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.gpu.byte_range import gib
from tabbydoctor.gpu.cache_layout import NAMED_MODES, Bits
from tabbydoctor.gpu.memory_need import MemoryNeed
from tabbydoctor.gpu.memory_room import Holder, MemoryRoom
from tabbydoctor.tabbyapi.config import EffectiveConfig, Origin

from ..config import edit

_PAGE = 256
_FEWEST_TOKENS = 2048
_STOPPED = 3


def remedies(
    need: MemoryNeed,
    room: MemoryRoom,
    instance: Instance,
    config: EffectiveConfig,
    severity: Severity,
) -> Iterator[Remedy]:
    """What brings the high estimate under what is free, the mildest first."""
    gpus, limit = len(room.gpus), room.free
    smaller = (_cache_mode(need, gpus, limit), _cache_size(need, gpus, limit))
    yield from (
        edit(title, _where(config, key), instance)
        for key, title in zip(("cache_mode", "cache_size"), smaller, strict=True)
        if title
    )
    if severity is Severity.WARNING:
        yield from (_stop(holder) for holder in room.holders[:_STOPPED])
    if not any(smaller):
        least = replace(need, tokens=(_FEWEST_TOKENS, _FEWEST_TOKENS)).total(gpus)
        weights = limit - (least.high - need.weights.high)
        size = f" of at most {gib(weights)} GiB" if weights > 0 else ""
        yield Remedy(f"Take a smaller quantization or model{size}, or let TabbyAPI use more GPUs")


def _cache_mode(need: MemoryNeed, gpus: int, limit: int) -> str:
    """The mildest mode that brings it under the limit, in words; empty where none does."""
    now = need.model.bits
    milder = [(name, bits) for name, bits in NAMED_MODES.items() if not now or sum(bits) < sum(now)]
    for name, bits in milder:
        with_it = _in_mode(need, bits).total(gpus)
        if with_it.high <= limit:
            return f"Set cache_mode: {name} under model: (then {with_it})"
    return ""


def _in_mode(need: MemoryNeed, bits: Bits) -> MemoryNeed:
    return replace(need, model=replace(need.model, bits=bits))


def _cache_size(need: MemoryNeed, gpus: int, limit: int) -> str:
    """The largest cache that brings it under the limit, in words; empty where none does."""
    fewest, most = _FEWEST_TOKENS // _PAGE, (need.tokens[1] - 1) // _PAGE
    while fewest <= most:
        pages = (fewest + most) // 2
        if _of_size(need, pages).total(gpus).high <= limit:
            fewest = pages + 1
        else:
            most = pages - 1
    if most * _PAGE < _FEWEST_TOKENS:
        return ""
    with_it = _of_size(need, most).total(gpus)
    tokens = most * _PAGE
    return f"Set cache_size: {tokens} and max_seq_len: {tokens} under model: (then {with_it})"


def _of_size(need: MemoryNeed, pages: int) -> MemoryNeed:
    return replace(need, tokens=(pages * _PAGE, pages * _PAGE))


def _where(config: EffectiveConfig, key: str) -> Origin:
    """Where the key is set, or else the model is named."""
    for name in (key, "model_name"):
        setting = config.setting("model", name)
        if setting and setting.origin.layer != "default":
            return setting.origin
    return Origin("default", "the default")


def _stop(holder: Holder) -> Remedy:
    held = f", which holds {gib(holder.used_bytes)} GiB" if holder.used_bytes else ""
    if holder.unit:
        stop = f"sudo systemctl stop {shlex.quote(holder.unit)}"
        return Remedy(f"Stop {holder.unit}{held}", Safety.UNSAFE, (stop,))
    if holder.name is None or holder.pid == 1:
        return Remedy(f"Stop process {holder.pid}{held}")
    title = f"Stop {holder.name}, process {holder.pid}{held}"
    return Remedy(title, Safety.UNSAFE, (f"sudo kill {holder.pid}",))
