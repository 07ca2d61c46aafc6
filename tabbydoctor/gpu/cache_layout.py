"""What a model keeps in the cache: for each token, and for each request at a time.

Facts of exllamav3's sources (cache/fp16.py, cache/quant.py, cache/mla.py, modules/sliding_attn.py,
modules/gated_delta_net.py): a layer of attention keeps one key and one value for a token, in pages
of 256. FP16 takes two bytes a number; k,v bits take k/8 and v/8, and a two-byte scale for every
32 numbers. Layers of linear attention, and those with a sliding window in a ring, keep no token
but a state of one size for each request that may run (`max_batch_size`), never quantised; linear
ones once more for each drafted token that may have to be taken back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tabbydoctor.records import dataclass

Bits = tuple[int, int]
"""Bits of a key's and of a value's number."""
NAMED_MODES: Mapping[str, Bits] = {"Q8": (8, 8), "Q6": (6, 6), "Q4": (4, 4)}
PAGE = 256
"""Tokens in a page."""
_PAIR = re.compile(r"([2-8])\s*,\s*([2-8])")


def cache_bits(mode: object) -> Bits | None:
    """The bits of a `cache_mode` such as `Q6` or `5,4`; None for FP16."""
    text = mode.strip() if isinstance(mode, str) else ""
    pair = _PAIR.fullmatch(text)
    return (int(pair[1]), int(pair[2])) if pair else NAMED_MODES.get(text)


def mode_name(bits: Bits | None) -> str:
    """The `cache_mode` of these bits."""
    named = {pair: name for name, pair in NAMED_MODES.items()}
    return "FP16" if bits is None else named.get(bits, f"{bits[0]},{bits[1]}")


@dataclass(frozen=True, slots=True)
class KeptTokens:
    """Layers alike that keep every token."""

    layers: int
    width: int
    """Numbers in a layer's key, and as many in its value; the latent's in latent attention."""
    rope: int | None = None
    """Numbers of the rotary key beside the latent, kept in FP16; None without latent attention."""

    def bits_for_token(self, bits: Bits | None) -> int:
        """A token in one layer, in 32nds of a byte: so it is whole for any number of bits."""
        if self.rope is not None:
            latent = self.width * (4 * bits[0] + 2) if bits else 64 * self.width
            return latent + 64 * self.rope
        return self.width * (4 * sum(bits) + 4) if bits else 128 * self.width


@dataclass(frozen=True, slots=True)
class KeptState:
    """Layers alike that keep a state of one size for each request."""

    layers: int
    steady: int
    """Bytes of a layer's state."""
    drafted: int = 0
    """Bytes more of it for each drafted token."""


@dataclass(frozen=True, slots=True)
class CacheLayout:
    """What the cache of a model is made of."""

    layers: int
    """All layers of the model (`num_hidden_layers`)."""
    tokens: tuple[KeptTokens, ...]
    states: tuple[KeptState, ...] = ()
    max_tokens: int | None = None
    """`max_position_embeddings`: the context where nothing else is configured."""

    @property
    def width(self) -> int:
        """The widest key of its layers."""
        return max((kept.width for kept in self.tokens), default=0)

    def bytes_for(self, tokens: int, bits: Bits | None) -> int:
        """The cache for so many tokens, which come in pages."""
        token = sum(kept.layers * kept.bits_for_token(bits) for kept in self.tokens)
        return _paged(tokens) * token // 32

    def state_bytes(self, requests: int, drafted: int) -> int:
        """The states of so many requests, with so many drafted tokens each."""
        one = sum(kept.layers * (kept.steady + drafted * kept.drafted) for kept in self.states)
        return requests * one

    def unpacked(self, tokens: int, bits: Bits | None) -> int:
        """What it takes to unpack a quantised layer to FP16, as not every version does."""
        return 4 * _paged(tokens) * self.width if bits else 0


def _paged(tokens: int) -> int:
    return -(-tokens // PAGE) * PAGE
