"""What a start asks of the GPUs, term by term, each between two bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from tabbydoctor.gpu.byte_range import GIB, NOTHING, ByteRange
from tabbydoctor.gpu.cache_layout import Bits, CacheLayout, mode_name
from tabbydoctor.records import dataclass

# CUDA's context with what libraries load into it, and the workspace of a chunk of 2048 tokens: of
# measured loads 0.7 to 1.3 GiB in all (turboderp-org/exllamav3#50, oobabooga/textgen#6903).
_CONTEXT = ByteRange(GIB // 4, GIB * 3 // 4)
_WORKSPACE = int(0.65 * GIB)
USUAL_CHUNK = 2048
DraftMode = Literal["", "model", "mtp", "ngram"]
TermKind = Literal[
    "weights",
    "cache",
    "states",
    "draft-weights",
    "draft-cache",
    "vision",
    "embedding-model",
    "overhead",
]

TERMS: Mapping[TermKind, str] = {
    "weights": "weights",
    "cache": "cache",
    "states": "recurrent states",
    "draft-weights": "draft weights",
    "draft-cache": "draft cache",
    "vision": "vision",
    "embedding-model": "embedding model",
    "overhead": "overhead",
}
"""Each in words."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model and its cache."""

    name: str
    path: str
    weights: ByteRange
    layout: CacheLayout
    bits: Bits | None
    """The cache's; None for FP16."""


@dataclass(frozen=True, slots=True)
class Term:
    """One part of the need."""

    kind: TermKind
    amount: ByteRange
    says: str
    """What it is, in words."""


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """What a start will ask of the GPUs. `replace()` it to see what another setting would."""

    model: LoadedModel
    tokens: tuple[int, int]
    """The cache's, at least and at most: older versions have another default."""
    draft: LoadedModel | None = None
    """The draft model, or the model's own layers for drafting."""
    further: ByteRange = NOTHING
    """What else may come: an embedding model."""
    chunk_size: int = USUAL_CHUNK
    left_out: tuple[str, ...] = ()
    """What could not be estimated, in words."""
    vision: ByteRange = NOTHING
    """The model for images; nothing where `vision` is off."""
    draft_mode: DraftMode = ""
    """How it drafts; empty where it does not."""
    drafted: int = 0
    """Tokens drafted at a time, of which a recurrent model keeps each state."""
    requests: int = 1
    """`max_batch_size`: for so many a recurrent model keeps a state."""
    unpacks: bool = True
    """Whether the installed version may unpack a quantised layer to FP16."""
    assumed: tuple[str, ...] = ()
    """What was taken for granted, in words."""

    @property
    def tokens_shown(self) -> str:
        """The cache's tokens in words."""
        least, most = self.tokens
        return f"{most} tokens" if least == most else f"{least} to {most} tokens"

    @property
    def weights(self) -> ByteRange:
        """The models' weights."""
        return self.model.weights + self.draft.weights if self.draft else self.model.weights

    @property
    def cache(self) -> ByteRange:
        """The caches: the draft model's is for as many tokens."""
        own = self._cache(self.model)
        return own + self._cache(self.draft) if self.draft else own

    @property
    def states(self) -> ByteRange:
        """The states of the layers that keep no token."""
        size = self.model.layout.state_bytes(self.requests, self.drafted)
        return ByteRange(size, size)

    def overhead(self, gpus: int) -> ByteRange:
        """CUDA's context and the workspace on so many GPUs, which grows with `chunk_size`."""
        chunks = max(self.chunk_size, USUAL_CHUNK)
        high = _CONTEXT.high + _WORKSPACE * chunks // USUAL_CHUNK
        models = [one for one in (self.model, self.draft) if one and self.unpacks]
        high += sum(one.layout.unpacked(self.tokens[1], one.bits) for one in models)
        return ByteRange(_CONTEXT.low, high * gpus)

    def terms(self, gpus: int) -> tuple[Term, ...]:
        """All of it on so many GPUs, one by one; what takes nothing is left out."""
        model, draft = self.model, self.draft
        tokens = self.tokens_shown
        found = [
            Term("weights", model.weights, "layers and output layer"),
            Term("cache", self._cache(model), f"{tokens} in {mode_name(model.bits)}"),
            Term("states", self.states, self._states_shown()),
            Term("vision", self.vision, "the model for images"),
            Term("embedding-model", self.further, "if it is loaded on a GPU"),
            Term("overhead", self.overhead(gpus), "CUDA context and workspace"),
        ]
        if draft:
            own = "its own layers for drafting" if self.draft_mode == "mtp" else draft.name
            says = f"{tokens} in {mode_name(draft.bits)}"
            found[3:3] = [
                Term("draft-weights", draft.weights, own),
                Term("draft-cache", self._cache(draft), says),
            ]
        return tuple(term for term in found if term.amount.high)

    def total(self, gpus: int) -> ByteRange:
        """Everything, on so many GPUs."""
        return sum((term.amount for term in self.terms(gpus)), NOTHING)

    def _states_shown(self) -> str:
        drafted = f", {self.drafted} drafted tokens each" if self.drafted else ""
        requests = "1 request" if self.requests == 1 else f"{self.requests} requests"
        return f"{requests} at a time{drafted}"

    def _cache(self, model: LoadedModel) -> ByteRange:
        low, high = self.tokens
        return ByteRange(
            model.layout.bytes_for(low, model.bits), model.layout.bytes_for(high, model.bits)
        )
