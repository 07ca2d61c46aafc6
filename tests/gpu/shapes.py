"""Public models as configurations of our own: the numbers are theirs, the layout is ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Shape = Mapping[str, Any]


def _shape(name: str, **numbers: Any) -> Shape:
    return {"architectures": [name], **numbers}


def exl3(shape: Shape, bits: float, head_bits: float = 6) -> Shape:
    """Quantised to so many bits."""
    quantised = {"quant_method": "exl3", "bits": bits, "head_bits": head_bits}
    return {**shape, "quantization_config": quantised}


def _every(interval: int, layers: int, other: str) -> list[str]:
    """A layer of full attention after each of so many others."""
    return ["full_attention" if (layer + 1) % interval == 0 else other for layer in range(layers)]


LLAMA_8B = _shape(
    "LlamaForCausalLM",
    hidden_size=4096,
    intermediate_size=14336,
    num_hidden_layers=32,
    num_attention_heads=32,
    num_key_value_heads=8,
    vocab_size=128256,
    max_position_embeddings=131072,
    tie_word_embeddings=False,
)
LLAMA_70B = {
    **LLAMA_8B,
    "hidden_size": 8192,
    "intermediate_size": 28672,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
}
QWEN2_32B = _shape(
    "Qwen2ForCausalLM",
    hidden_size=5120,
    intermediate_size=27648,
    num_hidden_layers=64,
    num_attention_heads=40,
    num_key_value_heads=8,
    vocab_size=152064,
    max_position_embeddings=131072,
    tie_word_embeddings=False,
)
QWEN3_MOE_30B = _shape(
    "Qwen3MoeForCausalLM",
    hidden_size=2048,
    intermediate_size=6144,
    moe_intermediate_size=768,
    num_experts=128,
    num_experts_per_tok=8,
    num_hidden_layers=48,
    num_attention_heads=32,
    num_key_value_heads=4,
    head_dim=128,
    vocab_size=151936,
    max_position_embeddings=40960,
    tie_word_embeddings=False,
)
DEEPSEEK_V3 = _shape(
    "DeepseekV3ForCausalLM",
    hidden_size=7168,
    intermediate_size=18432,
    moe_intermediate_size=2048,
    n_routed_experts=256,
    n_shared_experts=1,
    first_k_dense_replace=3,
    num_hidden_layers=61,
    num_attention_heads=128,
    num_key_value_heads=128,
    q_lora_rank=1536,
    kv_lora_rank=512,
    qk_rope_head_dim=64,
    qk_nope_head_dim=128,
    v_head_dim=128,
    vocab_size=129280,
    max_position_embeddings=163840,
    tie_word_embeddings=False,
)
GEMMA3_27B = _shape(
    "Gemma3ForConditionalGeneration",
    text_config={
        "hidden_size": 5376,
        "intermediate_size": 21504,
        "num_hidden_layers": 62,
        "num_attention_heads": 32,
        "num_key_value_heads": 16,
        "head_dim": 128,
        "sliding_window": 1024,
        "vocab_size": 262208,
        "max_position_embeddings": 131072,
    },
    vision_config={
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "num_hidden_layers": 27,
    },
)
GPT_OSS_20B = _shape(
    "GptOssForCausalLM",
    hidden_size=2880,
    intermediate_size=2880,
    num_local_experts=32,
    num_experts_per_tok=4,
    num_hidden_layers=24,
    num_attention_heads=64,
    num_key_value_heads=8,
    head_dim=64,
    sliding_window=128,
    layer_types=["sliding_attention", "full_attention"] * 12,
    vocab_size=201088,
    max_position_embeddings=131072,
    tie_word_embeddings=False,
)
GEMMA4_31B = _shape(
    "Gemma4ForConditionalGeneration",
    text_config={
        "hidden_size": 5376,
        "intermediate_size": 21504,
        "num_hidden_layers": 60,
        "num_attention_heads": 32,
        "num_key_value_heads": 16,
        "head_dim": 256,
        "num_global_key_value_heads": 4,
        "global_head_dim": 512,
        "attention_k_eq_v": True,
        "sliding_window": 1024,
        "layer_types": _every(6, 60, "sliding_attention"),
        "vocab_size": 262144,
        "max_position_embeddings": 262144,
    },
    vision_config={
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "num_hidden_layers": 27,
    },
)
GEMMA4_26B = _shape(
    "Gemma4ForConditionalGeneration",
    text_config={
        "hidden_size": 2816,
        "intermediate_size": 2112,
        "moe_intermediate_size": 704,
        "num_experts": 128,
        "top_k_experts": 8,
        "enable_moe_block": True,
        "num_hidden_layers": 30,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 256,
        "num_global_key_value_heads": 2,
        "global_head_dim": 512,
        "attention_k_eq_v": True,
        "sliding_window": 1024,
        "layer_types": _every(6, 30, "sliding_attention"),
        "vocab_size": 262144,
        "max_position_embeddings": 262144,
    },
)
QWEN3_5_27B = _shape(
    "Qwen3_5ForConditionalGeneration",
    text_config={
        "hidden_size": 5120,
        "intermediate_size": 17408,
        "num_hidden_layers": 64,
        "num_attention_heads": 24,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "full_attention_interval": 4,
        "linear_num_key_heads": 16,
        "linear_num_value_heads": 48,
        "linear_key_head_dim": 128,
        "linear_value_head_dim": 128,
        "linear_conv_kernel_dim": 4,
        "mtp_num_hidden_layers": 1,
        "vocab_size": 248320,
        "max_position_embeddings": 262144,
        "tie_word_embeddings": False,
    },
    vision_config={"hidden_size": 1152, "intermediate_size": 4304, "depth": 27},
)
QWEN3_NEXT_80B = _shape(
    "Qwen3NextForCausalLM",
    hidden_size=2048,
    intermediate_size=5120,
    moe_intermediate_size=512,
    shared_expert_intermediate_size=512,
    num_experts=512,
    num_hidden_layers=48,
    num_attention_heads=16,
    num_key_value_heads=2,
    head_dim=256,
    full_attention_interval=4,
    linear_num_key_heads=16,
    linear_num_value_heads=32,
    linear_key_head_dim=128,
    linear_value_head_dim=128,
    vocab_size=151936,
    max_position_embeddings=262144,
    tie_word_embeddings=False,
)
_NEMOTRON_H = "M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-"
NEMOTRON_H_8B = _shape(
    "NemotronHForCausalLM",
    hidden_size=4096,
    intermediate_size=21504,
    num_hidden_layers=52,
    num_attention_heads=32,
    num_key_value_heads=8,
    head_dim=128,
    hybrid_override_pattern=_NEMOTRON_H,
    mamba_num_heads=128,
    mamba_head_dim=64,
    ssm_state_size=128,
    n_groups=8,
    conv_kernel=4,
    vocab_size=131072,
    max_position_embeddings=8192,
    tie_word_embeddings=False,
)
LFM2_8B = _shape(
    "Lfm2MoeForCausalLM",
    hidden_size=2048,
    intermediate_size=7168,
    moe_intermediate_size=1792,
    num_experts=32,
    num_dense_layers=2,
    num_hidden_layers=24,
    num_attention_heads=32,
    num_key_value_heads=8,
    conv_L_cache=3,
    layer_types=[
        "full_attention" if layer in (2, 6, 10, 14, 18, 21) else "conv" for layer in range(24)
    ],
    vocab_size=65536,
    max_position_embeddings=128000,
    tie_word_embeddings=True,
)
_WIDE = {"attention": {"n_heads_in_group": 8}, "ffn": {"ffn_mult": 5.25}}
_NARROW = {"attention": {"no_op": True}, "ffn": {"ffn_mult": 2.625}}
NEMOTRON_49B = _shape(
    "DeciLMForCausalLM",
    hidden_size=8192,
    num_hidden_layers=80,
    num_attention_heads=64,
    vocab_size=128256,
    max_position_embeddings=131072,
    block_configs=[_WIDE] * 49 + [_NARROW] * 31,
    tie_word_embeddings=False,
)
COMMAND_R = _shape(
    "CohereForCausalLM",
    hidden_size=8192,
    intermediate_size=24576,
    num_hidden_layers=40,
    num_attention_heads=64,
    num_key_value_heads=8,
    vocab_size=256000,
    max_position_embeddings=131072,
)
DEEPSEEK_V4 = _shape(
    "DeepseekV4ForCausalLM",
    hidden_size=4096,
    num_hidden_layers=43,
    num_attention_heads=64,
    num_key_value_heads=1,
    head_dim=512,
    vocab_size=129280,
    max_position_embeddings=1048576,
)
