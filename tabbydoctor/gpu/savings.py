"""What each setting would save of a need, the mildest first."""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.gpu.byte_range import ByteRange
from tabbydoctor.gpu.cache_layout import NAMED_MODES, PAGE, mode_name
from tabbydoctor.gpu.memory_need import MemoryNeed
from tabbydoctor.gpu.placement import in_mode, of_size
from tabbydoctor.records import dataclass, replace

_SMALLEST = 2048


@dataclass(frozen=True, slots=True)
class Saving:
    """A change of the configuration."""

    settings: tuple[tuple[str, str, str | int | bool], ...]
    """Section, key and value."""
    saves: ByteRange
    """How much less it then takes."""
    need: MemoryNeed
    """What it then needs."""


def savings(need: MemoryNeed) -> tuple[Saving, ...]:
    """Those that save anything."""
    return tuple(one for one in _all(need) if one.saves.high > 0)


def _all(need: MemoryNeed) -> Iterator[Saving]:
    if need.requests > 1 and need.model.layout.states:
        yield _saving(need, replace(need, requests=1), ("model", "max_batch_size", 1))
    now = need.model.bits
    for name, bits in NAMED_MODES.items():
        if not now or sum(bits) < sum(now):
            yield _saving(need, in_mode(need, bits), ("model", "cache_mode", name))
    yield from _half(need)
    yield from _drafting(need)
    if need.vision.high:
        yield _saving(need, replace(need, vision=ByteRange(0, 0)), ("model", "vision", False))


def _half(need: MemoryNeed) -> Iterator[Saving]:
    tokens = need.tokens[1] // 2 // PAGE * PAGE
    if tokens >= _SMALLEST:
        keys = ("cache_size", "max_seq_len")
        settings: list[tuple[str, str, str | int | bool]] = [("model", key, tokens) for key in keys]
        yield _saving(need, of_size(need, tokens), *settings)


def _drafting(need: MemoryNeed) -> Iterator[Saving]:
    if need.draft and need.draft.bits is None:
        quantised = replace(need.draft, bits=NAMED_MODES["Q8"])
        name = mode_name(quantised.bits)
        yield _saving(
            need, replace(need, draft=quantised), ("draft_model", "draft_cache_mode", name)
        )
    if need.draft_mode:
        off = replace(need, draft=None, draft_mode="", drafted=0)
        yield _saving(need, off, ("draft_model", "draft_mode", "disabled"))


def _saving(
    need: MemoryNeed, after: MemoryNeed, *settings: tuple[str, str, str | int | bool]
) -> Saving:
    before, then = _without_overhead(need), _without_overhead(after)
    low, high = sorted((before.low - then.low, before.high - then.high))
    return Saving(settings, ByteRange(max(low, 0), max(high, 0)), after)


def _without_overhead(need: MemoryNeed) -> ByteRange:
    amounts = [term.amount for term in need.terms(1) if term.kind != "overhead"]
    return sum(amounts, ByteRange(0, 0))
