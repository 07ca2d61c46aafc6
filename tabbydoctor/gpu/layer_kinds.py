"""Which layers of a model keep what in the cache, by its config.json.

Facts of exllamav3's sources (each model's file in architecture/, 1.4.1). Newer versions keep of a
sliding window a ring: the window and two pages, in whole pages; older ones all tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tabbydoctor.facts import Unknown
from tabbydoctor.gpu.cache_layout import PAGE, CacheLayout, KeptState, KeptTokens
from tabbydoctor.gpu.model_shape import ModelShape, is_count

Version = tuple[int, ...]
Kept = KeptTokens | KeptState


def cache_layout(config: Mapping[str, Any], version: Version | None = None) -> CacheLayout:
    """The layout of a model by its config.json in that version of exllamav3, by default a new one.

    Raises Unknown, naming what is missing, where it cannot be told.
    """
    shape = ModelShape(config)
    layers = shape.layers
    kind = _KINDS.get(shape.architecture)
    if kind is None:
        raise Unknown(f"how large the cache of a {shape.architecture or 'nameless model'} is")
    since = _RINGS_SINCE.get(shape.architecture)
    rings = since is not None and (version is None or version >= since)
    kept = [one for one in kind(shape, rings) if one.layers]
    tokens = tuple(one for one in kept if isinstance(one, KeptTokens))
    states = tuple(one for one in kept if isinstance(one, KeptState))
    return CacheLayout(layers, tokens, states, shape.max_tokens)


def drafting_layout(config: Mapping[str, Any]) -> CacheLayout | None:
    """The cache of the layers for drafting (MTP) that a model brings; None where it has none.

    Raises Unknown where it cannot be told.
    """
    shape = ModelShape(config)
    layers = shape.count("mtp_num_hidden_layers", "num_nextn_predict_layers")
    if layers is None or not shape.architecture.startswith(_WITH_DRAFTING):
        return None
    return CacheLayout(layers, (KeptTokens(layers, shape.heads * shape.head_dim),))


def sees(config: Mapping[str, Any]) -> bool:
    """Whether exllamav3 loads a vision model of it, where `vision` asks for that."""
    found = config.get("vision_config")
    return isinstance(found, Mapping) and ModelShape(config).architecture in _SEEING


def _every_layer(shape: ModelShape, rings: bool) -> Iterator[Kept]:
    del rings
    if is_count(shape.value("kv_lora_rank")):
        yield KeptTokens(
            shape.layers, shape.number("kv_lora_rank"), shape.number("qk_rope_head_dim")
        )
    else:
        yield KeptTokens(shape.layers, shape.heads * shape.head_dim)


def _windowed(shape: ModelShape, rings: bool) -> Iterator[Kept]:
    """Full attention and sliding windows of the same width."""
    types, width = shape.layer_types(), shape.heads * shape.head_dim
    yield KeptTokens(types.count("full_attention"), width)
    # Its attention counts the token itself, so its window is one less.
    itself = 1 if shape.architecture.startswith("GptOss") else 0
    yield _sliding(shape, types.count("sliding_attention"), width, rings, itself)


def _gemma4(shape: ModelShape, rings: bool) -> Iterator[Kept]:
    types = shape.layer_types()
    heads = shape.count("num_global_key_value_heads") or shape.heads
    wide = heads * (shape.count("global_head_dim") or shape.head_dim)
    yield KeptTokens(types.count("full_attention"), wide)
    width = shape.heads * shape.head_dim
    yield _sliding(shape, types.count("sliding_attention"), width, rings)


def _step(shape: ModelShape, rings: bool) -> Iterator[Kept]:
    types = shape.layer_types(longer=True)
    other = shape.value("attention_other_setting")
    sliding = ModelShape(other if isinstance(other, Mapping) else {})
    dim = shape.head_dim
    yield KeptTokens(types.count("full_attention"), shape.number("num_attention_groups") * dim)
    width = sliding.number("num_attention_groups") * (sliding.count("head_dim") or dim)
    yield _sliding(shape, types.count("sliding_attention"), width, rings)


def _sliding(shape: ModelShape, layers: int, width: int, rings: bool, less: int = 0) -> Kept:
    if not rings or not layers:
        return KeptTokens(layers, width)
    window = shape.number("sliding_window") - less + 2 * PAGE
    return KeptState(layers, -(-window // PAGE) * PAGE * width * 4)


def _gated_delta(shape: ModelShape, rings: bool) -> Iterator[Kept]:
    """Some layers of full attention, the others of linear attention (gated delta net)."""
    del rings
    whole = full_layers(shape)
    yield KeptTokens(whole, shape.heads * shape.head_dim)
    heads = shape.count("linear_num_value_heads") or 32
    key, value = (shape.count(f"linear_{part}_head_dim") or 128 for part in ("key", "value"))
    mixed = 2 * (shape.count("linear_num_key_heads") or 16) * key + heads * value
    kernel = shape.count("linear_conv_kernel_dim") or 4
    yield _recurrent(shape.layers - whole, mixed, kernel, heads * key * value)


def full_layers(shape: ModelShape) -> int:
    """How many layers have full attention, by `layer_types` or every so many."""
    if shape.value("layer_types") is not None:
        return shape.layer_types().count("full_attention")
    told = shape.value("full_attention_interval") is not None
    return shape.layers // (shape.number("full_attention_interval") if told else 4)


def _nemotron(shape: ModelShape, rings: bool) -> Iterator[Kept]:
    del rings
    pattern = str(shape.value("hybrid_override_pattern") or "")
    yield KeptTokens(pattern.count("*"), shape.heads * shape.head_dim)
    if "M" in pattern:
        heads, dim = shape.number("mamba_num_heads"), shape.number("mamba_head_dim")
        state = shape.number("ssm_state_size")
        mixed = heads * dim + 2 * shape.number("n_groups") * state
        kernel = shape.count("conv_kernel") or 4
        yield _recurrent(pattern.count("M"), mixed, kernel, heads * dim * state)


def _recurrent(layers: int, mixed: int, kernel: int, numbers: int) -> KeptState:
    """A convolution in BF16 and a state in FP32."""
    return KeptState(layers, 2 * mixed * kernel + 4 * numbers, 2 * mixed + 4 * numbers)


def _short_convolution(shape: ModelShape, rings: bool) -> Iterator[Kept]:
    del rings
    types, hidden = shape.layer_types(), shape.number("hidden_size")
    whole = types.count("full_attention")
    yield KeptTokens(whole, shape.heads * shape.head_dim)
    kernel = shape.count("conv_L_cache") or 3
    yield KeptState(len(types) - whole, 2 * hidden * kernel, 2 * hidden)


def _by_block(shape: ModelShape, rings: bool) -> Iterator[Kept]:
    """Each block says for itself whether it has attention, and how its heads are grouped."""
    del rings
    blocks, heads = shape.value("block_configs"), shape.number("num_attention_heads")
    if not isinstance(blocks, list) or len(blocks) != shape.layers:
        raise Unknown(f"config.json has no block_configs for its {shape.layers} layers")
    for block in blocks:
        attention = block.get("attention") if isinstance(block, Mapping) else None
        if not isinstance(attention, Mapping):
            raise Unknown("config.json has block_configs without attention")
        if not attention.get("no_op"):
            group = ModelShape(attention).number("n_heads_in_group")
            yield KeptTokens(1, heads // group * shape.head_dim)


# Of the architectures that exllamav3 1.4 loads; left out are those with a cache of their own.
_EVERY_LAYER = """
    Apertus Arcee Cohere Cohere2 DeepseekV3 Dots1 Ernie4_5_ Ernie4_5_Moe Exaone4 Gemma2 Gemma3 Glm4
    Glm4Moe HCXVisionV2 HYV3 HyperCLOVAX IQuestCoder Llama MiMo MiniMaxM2 Ministral3 Mistral
    Mixtral NanoChat Olmo3 Phi3 Qwen2 Qwen3 Qwen3Moe SeedOss SmolLM3 SolarOpen
"""
_EVERY_LAYER_SEEING = "Gemma3 Glm4v Glm4vMoe Mistral3 Qwen2_5_VL Qwen3VL Qwen3VLMoe"
_GATED_DELTA = "OlmoHybrid Qwen3_5 Qwen3_5Moe Qwen3Next"
_WITH_DRAFTING = ("Qwen3_5", "HYV3")
_SEEING = frozenset(
    f"{name}ForConditionalGeneration"
    for name in f"{_EVERY_LAYER_SEEING} Gemma4 Gemma4Unified Qwen3_5 Qwen3_5Moe Step3p7".split()
) | {"HCXVisionV2ForCausalLM"}

_Kind = Callable[[ModelShape, bool], Iterator[Kept]]
_KINDS: Mapping[str, _Kind] = {
    **{f"{name}ForCausalLM": _every_layer for name in _EVERY_LAYER.split()},
    **{f"{name}ForConditionalGeneration": _every_layer for name in _EVERY_LAYER_SEEING.split()},
    **{f"{name}ForCausalLM": _windowed for name in ("Afmoe", "GptOss", "Laguna")},
    **{f"{name}ForCausalLM": _gated_delta for name in _GATED_DELTA.split()},
    **{f"{name}ForConditionalGeneration": _gated_delta for name in ("Qwen3_5", "Qwen3_5Moe")},
    **{f"{name}ForConditionalGeneration": _gemma4 for name in ("Gemma4", "Gemma4Unified")},
    "DeciLMForCausalLM": _by_block,
    "Lfm2MoeForCausalLM": _short_convolution,
    "NemotronHForCausalLM": _nemotron,
    "Step3p5ForCausalLM": _step,
    "Step3p7ForConditionalGeneration": _step,
}
_RINGS_SINCE: Mapping[str, Version] = {
    "AfmoeForCausalLM": (1, 4, 1),
    "Gemma4ForConditionalGeneration": (0, 0, 30),
    "Gemma4UnifiedForConditionalGeneration": (0, 0, 30),
    "GptOssForCausalLM": (1, 0, 0),
    "LagunaForCausalLM": (1, 2, 0),
    "Step3p5ForCausalLM": (0, 0, 30),
    "Step3p7ForConditionalGeneration": (0, 0, 30),
}
