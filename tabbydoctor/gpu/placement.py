"""Which GPU takes how much of a need.

exllamav3 fills one GPU after the other, layer by layer, and goes on where the next would not fit
(model/model_ls.py); with tensor parallelism it divides every layer over all of them by what they
have free (model/model_tp.py). Layers are not divided, so up to one stays unused on each GPU but the
last.
"""

from __future__ import annotations

from typing import Literal

from tabbydoctor.gpu.byte_range import ByteRange
from tabbydoctor.gpu.cache_layout import PAGE, Bits
from tabbydoctor.gpu.memory_need import MemoryNeed
from tabbydoctor.gpu.memory_room import GpuRoom, MemoryRoom
from tabbydoctor.records import dataclass, replace

Fit = Literal["yes", "perhaps", "no"]
FEWEST_TOKENS = 2048
"""A smaller cache is of little use."""
_LONGEST = 1 << 22
"""Tokens: no model has a longer context."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What one GPU takes."""

    room: GpuRoom
    amount: ByteRange
    """The last GPU's may be more than it has: that is what does not fit."""


def gpus_used(need: MemoryNeed, room: MemoryRoom) -> int:
    """How many GPUs it is on: the first that have room for all of it at most, else all."""
    if not room.each or room.together:
        return len(room.gpus)
    for count in range(1, len(room.each)):
        most = need.total(count).high + _unused(need, count)
        if most <= sum(one.usable for one in room.each[:count]):
            return count
    return len(room.each)


def total(need: MemoryNeed, room: MemoryRoom) -> ByteRange:
    """All of it on the GPUs that it uses."""
    return need.total(gpus_used(need, room))


def placed(need: MemoryNeed, room: MemoryRoom) -> tuple[Placed, ...]:
    """Each GPU's part; none where the order of the GPUs is not known."""
    if not room.each:
        return ()
    whole = total(need, room)
    used = room.each[: gpus_used(need, room)]
    low = _parts(whole.low, used, together=room.together)
    high = _parts(whole.high, used, together=room.together)
    return tuple(
        Placed(one, ByteRange(min(least, most), max(least, most)))
        for one, least, most in zip(used, low, high, strict=True)
    )


def fits(need: MemoryNeed, room: MemoryRoom) -> Fit:
    """Whether it fits into what is free."""
    whole = total(need, room)
    unused = 0 if room.together else _unused(need, gpus_used(need, room))
    if whole.high + unused <= _usable(room):
        return "yes"
    return "perhaps" if whole.low <= room.free else "no"


def largest_weights(need: MemoryNeed, room: MemoryRoom) -> int:
    """How much weights may take beside the smallest cache that is of use, in bytes; 0 where that
    alone takes too much."""
    least = total(of_size(need, FEWEST_TOKENS), room)
    return max(_usable(room) - (least.high - need.weights.high), 0)


def longest(need: MemoryNeed, room: MemoryRoom, bits: Bits | None) -> tuple[int, int]:
    """The largest cache in that mode that surely fits, and that perhaps does; 0 where none."""
    with_it = in_mode(need, bits)
    most = (with_it.model.layout.max_tokens or _LONGEST) // PAGE
    return tuple(
        _last(with_it, room, most, answers) * PAGE for answers in (("yes",), ("yes", "perhaps"))
    )  # type: ignore[return-value]


def _last(need: MemoryNeed, room: MemoryRoom, most: int, answers: tuple[Fit, ...]) -> int:
    fewest = 1
    while fewest <= most:
        pages = (fewest + most) // 2
        if fits(of_size(need, pages * PAGE), room) in answers:
            fewest = pages + 1
        else:
            most = pages - 1
    return most


def in_mode(need: MemoryNeed, bits: Bits | None) -> MemoryNeed:
    """The same with another `cache_mode`."""
    return replace(need, model=replace(need.model, bits=bits))


def of_size(need: MemoryNeed, tokens: int) -> MemoryNeed:
    """The same with another `cache_size`."""
    return replace(need, tokens=(tokens, tokens))


def _unused(need: MemoryNeed, gpus: int) -> int:
    """What layers that are not divided may leave unused: one of them on each GPU but the last."""
    layer = (need.model.weights.high + need.cache.high) // max(need.model.layout.layers, 1)
    return layer * (gpus - 1)


def _usable(room: MemoryRoom) -> int:
    return sum(one.usable for one in room.each) if room.each else room.free


def _parts(whole: int, used: tuple[GpuRoom, ...], *, together: bool) -> list[int]:
    usable = [one.usable for one in used]
    if together:
        return [whole * one // max(sum(usable), 1) for one in usable]
    parts, left = [], whole
    for one in usable[:-1]:
        parts.append(min(left, one))
        left -= parts[-1]
    return [*parts, left]
