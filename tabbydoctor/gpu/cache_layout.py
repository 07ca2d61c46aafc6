"""How large a model's key/value cache is for each token, from its config.json.

Facts of exllamav3's sources (cache/fp16.py, cache/quant.py, cache/mla.py, and each model's file
in architecture/): a layer keeps one key and one value of num_key_value_heads × head_dim numbers
for a token. FP16 takes two bytes a number; k,v bits take k/8 and v/8, and a two-byte scale for
every 32 numbers. Layers of linear attention keep no token; those with a sliding window keep
all of them or, in newer versions, the window alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tabbydoctor.facts import Unknown
from tabbydoctor.gpu.byte_range import ByteRange

Bits = tuple[int, int]
"""Bits of a key's and of a value's number."""
NAMED_MODES: Mapping[str, Bits] = {"Q8": (8, 8), "Q6": (6, 6), "Q4": (4, 4)}
_PAIR = re.compile(r"([2-8])\s*,\s*([2-8])")


def cache_bits(mode: object) -> Bits | None:
    """The bits of a `cache_mode` such as `Q6` or `5,4`; None for FP16."""
    text = mode.strip() if isinstance(mode, str) else ""
    pair = _PAIR.fullmatch(text)
    return (int(pair[1]), int(pair[2])) if pair else NAMED_MODES.get(text)


@dataclass(frozen=True, slots=True)
class CacheLayout:
    """What one token takes in the cache."""

    layers: int
    """All layers of the model (`num_hidden_layers`)."""
    whole_layers: int
    """Layers that keep every token."""
    window_layers: int
    """Layers with a sliding window, of which not every version keeps every token."""
    width: int
    """Numbers in a layer's key, and as many in its value; the latent's in latent attention."""
    rope: int | None = None
    """Numbers of the rotary key beside the latent, kept in FP16; None without latent attention."""
    max_tokens: int | None = None
    """`max_position_embeddings`: the context where nothing else is configured."""

    def bytes_for(self, tokens: int, bits: Bits | None) -> ByteRange:
        """The cache for so many tokens, which come in pages of 256."""
        pages = -(-tokens // 256)
        low = pages * 256 * self.whole_layers * self._layer(bits)
        high = pages * 256 * (self.whole_layers + self.window_layers) * self._layer(bits)
        # A quantised layer may be unpacked to FP16, one at a time.
        unpacked = 4 * pages * 256 * self.width if bits else 0
        return ByteRange(low // 32, high // 32 + unpacked)

    def _layer(self, bits: Bits | None) -> int:
        """A token in one layer, in 32nds of a byte: so it is whole for any number of bits."""
        if self.rope is not None:
            latent = self.width * (4 * bits[0] + 2) if bits else 64 * self.width
            return latent + 64 * self.rope
        return self.width * (4 * sum(bits) + 4) if bits else 128 * self.width


def cache_layout(config: Mapping[str, Any]) -> CacheLayout:
    """The layout of a model by its config.json.

    Raises Unknown, naming what is missing, where it cannot be told.
    """
    shape = _Shape(config)
    layers = shape.number("num_hidden_layers")
    kind = _KINDS.get(shape.architecture)
    if kind is None:
        raise Unknown(f"how large the cache of a {shape.architecture or 'nameless model'} is")
    whole, window = kind(shape, layers)
    longest = shape.value("max_position_embeddings")
    max_tokens = longest if _is_count(longest) else None
    if _is_count(shape.value("kv_lora_rank")):
        latent, rope = shape.number("kv_lora_rank"), shape.number("qk_rope_head_dim")
        return CacheLayout(layers, whole, window, latent, rope, max_tokens)
    width = shape.heads() * shape.head_dim()
    return CacheLayout(layers, whole, window, width, None, max_tokens)


class _Shape:
    """A config.json; a model of several parts has its language model under `text_config`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        text = config.get("text_config")
        self.parts = (text if isinstance(text, Mapping) else {}, config)
        named = config.get("architectures")
        self.architecture = str(named[0]) if isinstance(named, list) and named else ""

    def value(self, key: str) -> Any:
        return next((part[key] for part in self.parts if part.get(key) is not None), None)

    def number(self, key: str) -> int:
        found = self.value(key)
        if not _is_count(found):
            raise Unknown(f"config.json has no usable {key}")
        return int(found)

    def heads(self) -> int:
        # The Gemmas have defaults of their own in place of those.
        if self.value("num_key_value_heads") is None and "Gemma" not in self.architecture:
            return self.number("num_attention_heads")
        return self.number("num_key_value_heads")

    def head_dim(self) -> int:
        if self.value("head_dim") is None and "Gemma" not in self.architecture:
            found = self.number("hidden_size") // self.number("num_attention_heads")
            if not found:
                raise Unknown("config.json has a hidden_size below its num_attention_heads")
            return found
        return self.number("head_dim")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 32


def _all_or_typed(shape: _Shape, layers: int) -> tuple[int, int]:
    return _typed(shape, layers) if shape.value("layer_types") is not None else (layers, 0)


def _typed(shape: _Shape, layers: int) -> tuple[int, int]:
    """(layers of full attention, layers with a sliding window)."""
    types = shape.value("layer_types")
    if not isinstance(types, list) or len(types) != layers:
        raise Unknown(f"config.json has no layer_types for its {layers} layers")
    return types.count("full_attention"), types.count("sliding_attention")


def _every_nth(shape: _Shape, layers: int) -> tuple[int, int]:
    if shape.value("layer_types") is not None:
        return _typed(shape, layers)
    interval = shape.value("full_attention_interval")
    return layers // (shape.number("full_attention_interval") if interval is not None else 4), 0


def _starred(shape: _Shape, layers: int) -> tuple[int, int]:
    return str(shape.value("hybrid_override_pattern") or "").count("*"), 0


# Of the architectures that exllamav3 1.4 loads; left out are those with a geometry of their own.
_EVERY_LAYER = """
    Apertus Arcee Cohere Cohere2 DeepseekV3 Dots1 Ernie4_5_ Ernie4_5_Moe Exaone4 Gemma2 Gemma3 Glm4
    Glm4Moe HCXVisionV2 HYV3 HyperCLOVAX IQuestCoder Llama MiMo MiniMaxM2 Ministral3 Mistral
    Mixtral NanoChat Olmo3 Phi3 Qwen2 Qwen3 Qwen3Moe SeedOss SmolLM3 SolarOpen
"""
_SEEING = "Gemma3 Glm4v Glm4vMoe Mistral3 Qwen2_5_VL Qwen3VL Qwen3VLMoe"
_BY_TYPE = "Afmoe GptOss Laguna Lfm2Moe"
_MIXED = "OlmoHybrid Qwen3_5 Qwen3_5Moe Qwen3Next"
_MIXED_SEEING = "Qwen3_5 Qwen3_5Moe"

_Kind = Callable[[_Shape, int], tuple[int, int]]
_KINDS: Mapping[str, _Kind] = {
    **{f"{name}ForCausalLM": _all_or_typed for name in _EVERY_LAYER.split()},
    **{f"{name}ForConditionalGeneration": _all_or_typed for name in _SEEING.split()},
    **{f"{name}ForCausalLM": _typed for name in _BY_TYPE.split()},
    **{f"{name}ForCausalLM": _every_nth for name in _MIXED.split()},
    **{f"{name}ForConditionalGeneration": _every_nth for name in _MIXED_SEEING.split()},
    "NemotronHForCausalLM": _starred,
}
