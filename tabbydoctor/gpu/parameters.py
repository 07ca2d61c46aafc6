"""How many numbers the parts of a model have, by its config.json alone: before it is downloaded.

Counted are the matrices; norms and biases are some thousandths beside them. The names are those of
the models' own configurations, as exllamav3 reads them (each model's file in architecture/).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tabbydoctor.facts import Unknown
from tabbydoctor.gpu.model_shape import ModelShape, is_count
from tabbydoctor.records import dataclass

_EXPERTS = ("num_experts", "n_routed_experts", "num_local_experts", "moe_num_experts")
_SHARED = ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts")
_SHARED_WIDTH = (
    *("shared_expert_intermediate_size", "share_expert_dim", "moe_shared_expert_intermediate_size"),
)
_FIRST_DENSE = ("first_k_dense_replace", "num_dense_layers", "moe_layer_start_index")
_TWO_MATRICES = ("Arcee", "NemotronH", "Apertus", "NanoChat")
"""Whose feed-forward part has no gate."""
_GATED = ("Qwen3Next", "Qwen3_5")
"""Whose attention has a gate as wide as its queries."""
_MOST_LAYERS = 1 << 10


@dataclass(frozen=True, slots=True)
class Parameters:
    """Numbers of a model's parts."""

    layers: int
    """All layers of the language model, with the experts."""
    head: int
    """The output layer."""
    experts: tuple[int, ...] = ()
    """The routed experts of each layer that has any, in their order."""
    drafting: int = 0
    """The layers for drafting (MTP)."""
    vision: int = 0
    """The model for images, roughly."""


def parameters(config: Mapping[str, Any]) -> Parameters:
    """Count them. Raises Unknown, naming what is missing."""
    shape = ModelShape(config)
    layers, hidden = shape.layers, shape.number("hidden_size")
    if layers > _MOST_LAYERS:
        raise Unknown(f"config.json has num_hidden_layers of {layers}")
    experts = [_experts(shape, hidden, layer) for layer in range(layers)]
    mixers = [_mixer(shape, hidden, layer) for layer in range(layers)]
    forward = [_feed_forward(shape, hidden, layer) for layer in range(layers)]
    more = shape.count("mtp_num_hidden_layers", "num_nextn_predict_layers") or 0
    last = _attention(shape, hidden) + experts[-1] + forward[-1]
    return Parameters(
        sum(mixers) + sum(forward) + sum(experts),
        hidden * shape.number("vocab_size"),
        tuple(filter(None, experts)),
        min(more, _MOST_LAYERS) * (last + 2 * hidden * hidden),
        _vision(config, hidden),
    )


def _mixer(shape: ModelShape, hidden: int, layer: int) -> int:
    """What mixes tokens in a layer: attention, linear attention, a convolution."""
    kind = _kind(shape, layer)
    if kind == "nothing":
        return 0
    if kind == "linear_attention":
        heads = shape.count("linear_num_value_heads") or 32
        values = heads * (shape.count("linear_value_head_dim") or 128)
        keys = shape.count("linear_num_key_heads") or 16
        keys *= shape.count("linear_key_head_dim") or 128
        return hidden * (2 * keys + 3 * values + 2 * heads)
    if kind == "mamba":
        heads, groups = shape.number("mamba_num_heads"), shape.number("n_groups")
        inner = heads * shape.number("mamba_head_dim")
        return hidden * (3 * inner + 2 * groups * shape.number("ssm_state_size") + heads)
    if kind == "conv":
        return 4 * hidden * hidden
    return _attention(shape, hidden, wide=kind == "full_attention", block=_block(shape, layer))


def _kind(shape: ModelShape, layer: int) -> str:
    pattern = shape.value("hybrid_override_pattern")
    if isinstance(pattern, str):
        return {"*": "full_attention", "M": "mamba"}.get(pattern[layer : layer + 1], "nothing")
    block = _block(shape, layer).get("attention")
    if isinstance(block, Mapping) and block.get("no_op"):
        return "nothing"
    types = shape.value("layer_types")
    if isinstance(types, list) and layer < len(types):
        return str(types[layer])
    if shape.architecture.startswith(("Qwen3Next", "Qwen3_5", "OlmoHybrid")):
        interval = shape.count("full_attention_interval") or 4
        return "full_attention" if (layer + 1) % interval == 0 else "linear_attention"
    return "full_attention"


def _attention(
    shape: ModelShape, hidden: int, *, wide: bool = True, block: Mapping[str, Any] | None = None
) -> int:
    if is_count(shape.value("kv_lora_rank")):
        return _latent_attention(shape, hidden)
    queries = shape.number("num_attention_heads")
    heads, dim = shape.heads, shape.head_dim
    if wide and shape.architecture.startswith("Gemma4"):
        dim = shape.count("global_head_dim") or dim
        heads = shape.count("num_global_key_value_heads") or heads
    group = block.get("attention") if block else None
    if isinstance(group, Mapping) and (size := ModelShape(group).count("n_heads_in_group")):
        heads = queries // size
    gated = shape.value("attn_output_gate") or shape.architecture.startswith(_GATED)
    values = 1 if shape.value("attention_k_eq_v") and wide else 2
    return hidden * dim * (queries * (3 if gated else 2) + heads * values)


def _latent_attention(shape: ModelShape, hidden: int) -> int:
    heads, rank = shape.number("num_attention_heads"), shape.number("kv_lora_rank")
    rope, plain = shape.number("qk_rope_head_dim"), shape.number("qk_nope_head_dim")
    value, query = shape.number("v_head_dim"), heads * (rope + plain)
    low = shape.count("q_lora_rank")
    asked = low * (hidden + query) if low else hidden * query
    return asked + hidden * (rank + rope) + rank * heads * (plain + value) + heads * value * hidden


def _feed_forward(shape: ModelShape, hidden: int, layer: int) -> int:
    """What is there for every token: a dense part, or the shared experts."""
    matrices = 2 if shape.architecture.startswith(_TWO_MATRICES) else 3
    pattern = shape.value("hybrid_override_pattern")
    if isinstance(pattern, str) and pattern[layer : layer + 1] not in ("-", "E"):
        return 0
    factor = _block(shape, layer).get("ffn")
    if isinstance(factor, Mapping):
        return _block_width(factor, hidden) * 3 * hidden
    both = shape.architecture.startswith("Gemma4")
    if not _has_experts(shape, layer) or both:
        return matrices * hidden * shape.number("intermediate_size", "moe_intermediate_size")
    width = shape.count(*_SHARED_WIDTH)
    shared = (shape.count(*_SHARED) or 0) * (shape.count("moe_intermediate_size") or 0)
    return matrices * hidden * (width or shared)


def _block(shape: ModelShape, layer: int) -> Mapping[str, Any]:
    blocks = shape.value("block_configs")
    one = blocks[layer] if isinstance(blocks, list) and layer < len(blocks) else None
    return one if isinstance(one, Mapping) else {}


def _block_width(part: Mapping[str, Any], hidden: int) -> int:
    """As exllamav3 rounds it (architecture/decilm.py)."""
    factor = part.get("ffn_mult")
    if part.get("no_op") or not isinstance(factor, int | float) or not 0 < factor < 1 << 10:
        return 0
    return -(-int(2 * factor * hidden / 3) // 256) * 256


def _experts(shape: ModelShape, hidden: int, layer: int) -> int:
    if not _has_experts(shape, layer):
        return 0
    matrices = 2 if shape.architecture.startswith(_TWO_MATRICES) else 3
    width = shape.number("moe_intermediate_size", "intermediate_size")
    return matrices * hidden * width * shape.number(*_EXPERTS)


def _has_experts(shape: ModelShape, layer: int) -> bool:
    if shape.count(*_EXPERTS) is None:
        return False
    pattern = shape.value("hybrid_override_pattern")
    if isinstance(pattern, str):
        return pattern[layer : layer + 1] == "E"
    named = shape.value("moe_layers_enum")
    if isinstance(named, str):
        return str(layer) in [one.strip() for one in named.split(",")]
    dense = shape.value("mlp_only_layers")
    if isinstance(dense, list) and layer in dense:
        return False
    return layer >= (shape.count(*_FIRST_DENSE) or 0)


def _vision(config: Mapping[str, Any], hidden: int) -> int:
    """The tower's layers and the way to the language model; rough, as each has its own."""
    told = config.get("vision_config")
    if not isinstance(told, Mapping):
        return 0
    shape = ModelShape(told)
    width = shape.count("hidden_size", "width")
    layers = shape.count("num_hidden_layers", "depth", "layers")
    if width is None or layers is None:
        return 0
    inner = shape.count("intermediate_size") or 4 * width
    return layers * (4 * width * width + 2 * width * inner) + 4 * width * hidden
