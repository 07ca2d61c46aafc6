"""The cache of a model by its config.json, against figures worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabbydoctor.facts import Unknown
from tabbydoctor.gpu.byte_range import GIB
from tabbydoctor.gpu.cache_layout import CacheLayout, cache_bits, cache_layout
from tests.gpu.models import LLAMA

PLAIN = CacheLayout(32, 32, 0, 1024)


def _layout(**changes: Any) -> CacheLayout:
    return cache_layout({**LLAMA, **changes})


@pytest.mark.parametrize(
    ("mode", "gib"),
    [("FP16", 4.0), ("Q8", 2.125), ("Q6", 1.625), ("Q4", 1.125), ("8,8", 2.125), ("6, 4", 1.375)],
)
def test_the_worked_example(mode: str, gib: float) -> None:
    """32 layers of 8 × 128 numbers, 32768 tokens."""
    assert cache_layout(LLAMA).bytes_for(32768, cache_bits(mode)).low == gib * GIB


def test_a_quantised_cache_may_be_unpacked_one_layer_at_a_time() -> None:
    found = PLAIN.bytes_for(32768, (8, 8))
    assert found.high - found.low == 4 * 32768 * 1024
    assert PLAIN.bytes_for(32768, None).high == PLAIN.bytes_for(32768, None).low


def test_tokens_come_in_pages() -> None:
    assert PLAIN.bytes_for(257, None) == PLAIN.bytes_for(512, None)
    assert PLAIN.bytes_for(256, None).low == 256 * 32 * 4 * 1024


def test_the_language_model_of_several_parts() -> None:
    vision = {"num_hidden_layers": 27, "hidden_size": 1152}
    nested = {
        "architectures": ["Qwen3VLForConditionalGeneration"],
        "text_config": {**LLAMA, "head_dim": 64},
        "vision_config": vision,
        "num_hidden_layers": 99,
    }
    assert cache_layout(nested) == CacheLayout(32, 32, 0, 8 * 64, None, 131072)


def test_heads_where_they_are_not_told() -> None:
    assert _layout(num_key_value_heads=None).width == 32 * 128
    with pytest.raises(Unknown, match="num_key_value_heads"):
        _layout(architectures=["Gemma3ForCausalLM"], num_key_value_heads=None)


def test_latent_attention() -> None:
    """DeepSeek V3: 61 layers of a latent of 512 numbers and a rotary key of 64."""
    mla = _layout(
        architectures=["DeepseekV3ForCausalLM"],
        num_hidden_layers=61,
        kv_lora_rank=512,
        qk_rope_head_dim=64,
    )
    assert mla.bytes_for(256, None).low == 256 * 61 * 2 * (512 + 64)
    assert mla.bytes_for(256, (8, 8)).low == 256 * 61 * (512 + 32 + 128)


@pytest.mark.parametrize(
    ("changes", "whole", "window"),
    [
        (
            {"architectures": ["GptOssForCausalLM"]}
            | {"layer_types": ["sliding_attention", "full_attention"] * 16},
            16,
            16,
        ),
        (
            {"architectures": ["Qwen3_5ForCausalLM"]}
            | {"layer_types": ["linear_attention"] * 24 + ["full_attention"] * 8},
            8,
            0,
        ),
        ({"architectures": ["Qwen3NextForCausalLM"], "full_attention_interval": 8}, 4, 0),
        ({"architectures": ["Qwen3NextForCausalLM"]}, 8, 0),
        (
            {"architectures": ["NemotronHForCausalLM"]} | {"hybrid_override_pattern": "M-M*" * 8},
            8,
            0,
        ),
    ],
)
def test_not_every_layer_keeps_every_token(
    changes: dict[str, Any], whole: int, window: int
) -> None:
    found = _layout(**changes)
    assert (found.whole_layers, found.window_layers) == (whole, window)
    assert found.bytes_for(256, None).low == 256 * whole * 4 * 1024
    assert found.bytes_for(256, None).high == 256 * (whole + window) * 4 * 1024


@pytest.mark.parametrize(
    "changes",
    [
        {"architectures": ["DeepseekV4ForCausalLM"]},
        {"architectures": ["Gemma4ForConditionalGeneration"]},
        {"architectures": []},
        {"architectures": "LlamaForCausalLM"},
        {"architectures": ["GptOssForCausalLM"]},
        {"architectures": ["GptOssForCausalLM"], "layer_types": ["full_attention"]},
        {"num_hidden_layers": None},
        {"num_hidden_layers": "32"},
        {"num_hidden_layers": True},
        {"hidden_size": -4096},
        {"num_attention_heads": None, "num_key_value_heads": None},
        {"text_config": [], "num_hidden_layers": 1 << 40},
    ],
)
def test_what_cannot_be_told(changes: dict[str, Any]) -> None:
    with pytest.raises(Unknown):
        _layout(**changes)


LAYOUTS = st.builds(
    CacheLayout,
    st.just(64),
    st.integers(0, 64),
    st.integers(0, 64),
    st.integers(1, 64).map(lambda heads: heads * 64),
    st.none() | st.just(64),
)
BITS = st.tuples(st.integers(2, 8), st.integers(2, 8))


@given(LAYOUTS, st.integers(1, 1 << 20), st.integers(0, 1 << 20), st.none() | BITS)
def test_more_tokens_never_take_less(
    layout: CacheLayout, tokens: int, further: int, bits: tuple[int, int] | None
) -> None:
    few, many = layout.bytes_for(tokens, bits), layout.bytes_for(tokens + further, bits)
    assert few.low <= few.high
    assert few.low <= many.low
    assert few.high <= many.high


@given(LAYOUTS, st.integers(1, 1 << 20), BITS, st.integers(0, 1))
def test_more_bits_never_take_less(
    layout: CacheLayout, tokens: int, bits: tuple[int, int], which: int
) -> None:
    more = (min(bits[0] + 1 - which, 8), min(bits[1] + which, 8))
    fewer, greater = layout.bytes_for(tokens, bits), layout.bytes_for(tokens, more)
    assert fewer.low <= greater.low <= layout.bytes_for(tokens, None).low
    assert fewer.high <= greater.high


def test_modes() -> None:
    assert [cache_bits(mode) for mode in ("FP16", None, "Q8", "2,8", " 4 , 3 ")] == [
        None,
        None,
        (8, 8),
        (2, 8),
        (4, 3),
    ]
