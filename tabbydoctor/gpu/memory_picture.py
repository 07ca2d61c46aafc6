"""Everything that `tabbydoctor vram` shows of a model and the GPUs here."""

from __future__ import annotations

from collections.abc import Mapping

from tabbydoctor.gpu.cache_layout import NAMED_MODES, Bits, mode_name
from tabbydoctor.gpu.cuda_order import CudaOrder
from tabbydoctor.gpu.memory_need import MemoryNeed
from tabbydoctor.gpu.memory_room import MemoryRoom
from tabbydoctor.gpu.placement import Fit, Placed, fits, largest_weights, longest, placed
from tabbydoctor.gpu.savings import Saving, savings
from tabbydoctor.records import dataclass


@dataclass(frozen=True, slots=True)
class LongestCache:
    """How many tokens fit in one `cache_mode`."""

    mode: str
    surely: int
    """0 where none do."""
    perhaps: int


@dataclass(frozen=True, slots=True)
class SavedPlace:
    """A saving, and whether the model would fit with it."""

    saving: Saving
    fits: Fit | None
    """None where there is no GPU to hold it against."""
    where: str
    """Where the setting is, or would be written."""


@dataclass(frozen=True, slots=True)
class WithoutSplit:
    """What there would be without `gpu_split`."""

    room: MemoryRoom
    fits: Fit
    """Whether the model would then fit."""
    where: str
    """Where `gpu_split` is set."""

    @property
    def free(self) -> int:
        """Bytes."""
        return self.room.free


@dataclass(frozen=True, slots=True)
class MemoryPicture:
    """A model's need against what the GPUs have."""

    name: str
    path: str
    need: MemoryNeed | None
    """None where it is not known."""
    unknown: str = ""
    """Why it is not."""
    at_most: int | None = None
    """Bytes of the weights' files, where the need is not known."""
    known: tuple[str, ...] = ()
    """What config.json tells all the same, in words."""
    room: MemoryRoom | None = None
    """None where there is no GPU, or it cannot be told which are used."""
    no_room: str = ""
    """Why there is none."""
    order: CudaOrder | None = None
    """None where there is no GPU."""
    order_commands: tuple[str, ...] = ()
    """What makes CUDA's order certain."""
    places: Mapping[str, str] | None = None
    """Section and key, with a dot -> where the setting is, or would be written."""
    notes: tuple[str, ...] = ()
    """What was taken for granted beside what the need says."""

    @property
    def fit(self) -> Fit | None:
        """Whether it fits into what is free; None where that cannot be told."""
        if self.need is None or self.room is None or self.room.unordered:
            return None
        return fits(self.need, self.room)

    @property
    def without_split(self) -> WithoutSplit | None:
        """None where `gpu_split` leaves no less than the GPUs have."""
        if self.need is None or self.room is None or not self.room.limits or not self.room.unsplit:
            return None
        whole = self.room.unsplit
        where = (self.places or {}).get("model.gpu_split", "")
        return WithoutSplit(whole, fits(self.need, whole), where)

    @property
    def placed(self) -> tuple[Placed, ...]:
        """Each GPU's part."""
        return placed(self.need, self.room) if self.need and self.room else ()

    @property
    def longest(self) -> tuple[LongestCache, ...]:
        """The largest caches that fit, by mode."""
        need, room = self.need, self.room
        if need is None or room is None or room.unordered or not need.model.layout.tokens:
            return ()
        modes: list[Bits | None] = [None, *NAMED_MODES.values()]
        own = [need.model.bits] if need.model.bits not in modes else []
        found = ((bits, longest(need, room, bits)) for bits in (*own, *modes))
        return tuple(LongestCache(mode_name(bits), *tokens) for bits, tokens in found)

    @property
    def largest_weights(self) -> int | None:
        """What a smaller model's weights might take, where no cache fits beside those of this."""
        if self.need is None or self.room is None or any(one.perhaps for one in self.longest):
            return None
        return None if self.room.unordered else largest_weights(self.need, self.room)

    @property
    def saved(self) -> tuple[SavedPlace, ...]:
        """What each change of the configuration would save."""
        if self.need is None:
            return ()
        told = self.room is not None and not self.room.unordered
        return tuple(
            SavedPlace(
                one,
                fits(one.need, self.room) if told and self.room else None,
                (self.places or {}).get(".".join(one.settings[0][:2]), ""),
            )
            for one in savings(self.need)
        )
