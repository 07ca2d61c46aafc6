"""What a token and a request take in the cache, against figures worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabbydoctor.facts import Unknown
from tabbydoctor.gpu.byte_range import GIB
from tabbydoctor.gpu.cache_layout import CacheLayout, KeptState, KeptTokens, cache_bits, mode_name
from tabbydoctor.gpu.layer_kinds import cache_layout
from tests.gpu.models import LLAMA

PLAIN = CacheLayout(32, (KeptTokens(32, 1024),))


def _layout(**changes: Any) -> CacheLayout:
    return cache_layout({**LLAMA, **changes})


@pytest.mark.parametrize(
    ("mode", "gib"),
    [("FP16", 4.0), ("Q8", 2.125), ("Q6", 1.625), ("Q4", 1.125), ("8,8", 2.125), ("6, 4", 1.375)],
)
def test_the_worked_example(mode: str, gib: float) -> None:
    """32 layers of 8 × 128 numbers, 32768 tokens."""
    assert cache_layout(LLAMA).bytes_for(32768, cache_bits(mode)) == gib * GIB


def test_a_quantised_cache_may_be_unpacked_one_layer_at_a_time() -> None:
    assert PLAIN.unpacked(32768, (8, 8)) == 4 * 32768 * 1024
    assert PLAIN.unpacked(32768, None) == 0


def test_tokens_come_in_pages() -> None:
    assert PLAIN.bytes_for(257, None) == PLAIN.bytes_for(512, None)
    assert PLAIN.bytes_for(256, None) == 256 * 32 * 4 * 1024


def test_the_language_model_of_several_parts() -> None:
    vision = {"num_hidden_layers": 27, "hidden_size": 1152}
    nested = {
        "architectures": ["Qwen3VLForConditionalGeneration"],
        "text_config": {**LLAMA, "head_dim": 64},
        "vision_config": vision,
        "num_hidden_layers": 99,
    }
    assert cache_layout(nested) == CacheLayout(32, (KeptTokens(32, 8 * 64),), (), 131072)


def test_heads_where_they_are_not_told() -> None:
    assert _layout(num_key_value_heads=None).width == 32 * 128
    with pytest.raises(Unknown, match="num_key_value_heads"):
        _layout(architectures=["Gemma3ForCausalLM"], num_key_value_heads=None)


def test_every_layer_of_a_model_with_windows_and_no_rings_keeps_every_token() -> None:
    types = ["sliding_attention"] * 24 + ["full_attention"] * 8
    found = _layout(architectures=["Cohere2ForCausalLM"], layer_types=types, sliding_window=4096)
    assert found == CacheLayout(32, (KeptTokens(32, 1024),), (), 131072)


def test_a_ring_holds_the_window_and_two_pages() -> None:
    windows = {"layer_types": ["sliding_attention", "full_attention"] * 16, "sliding_window": 1000}
    found = _layout(architectures=["AfmoeForCausalLM"], **windows)
    # 1000 + 512 tokens in whole pages of 256 are 1536.
    assert found.states == (KeptState(16, 1536 * 1024 * 4),)
    assert found.bytes_for(256, None) == 256 * 16 * 4 * 1024


@pytest.mark.parametrize(
    ("name", "version", "rings"),
    [
        ("GptOss", None, True),
        ("GptOss", (1, 0, 0), True),
        ("GptOss", (0, 0, 36), False),
        ("Afmoe", (1, 4, 0), False),
        ("Afmoe", (1, 4, 1), True),
    ],
)
def test_older_versions_keep_the_whole_window_layers(
    name: str, version: tuple[int, ...] | None, rings: bool
) -> None:
    types = ["sliding_attention", "full_attention"] * 16
    named = {"architectures": [f"{name}ForCausalLM"], "layer_types": types, "sliding_window": 128}
    found = cache_layout({**LLAMA, **named}, version)
    assert bool(found.states) == rings
    assert sum(kept.layers for kept in found.tokens) == (16 if rings else 32)


@pytest.mark.parametrize(
    ("changes", "whole"),
    [
        (
            {"architectures": ["Qwen3_5ForCausalLM"]}
            | {"layer_types": ["linear_attention"] * 24 + ["full_attention"] * 8},
            8,
        ),
        ({"architectures": ["Qwen3NextForCausalLM"], "full_attention_interval": 8}, 4),
        ({"architectures": ["Qwen3NextForCausalLM"]}, 8),
        ({"architectures": ["NemotronHForCausalLM"], "hybrid_override_pattern": "-*--" * 8}, 8),
    ],
)
def test_not_every_layer_keeps_every_token(changes: dict[str, Any], whole: int) -> None:
    assert _layout(**changes).bytes_for(256, None) == 256 * whole * 4 * 1024


@pytest.mark.parametrize(
    "changes",
    [
        {"architectures": ["DeepseekV4ForCausalLM"]},
        {"architectures": ["Gemma4ForConditionalGeneration"]},
        {"architectures": []},
        {"architectures": "LlamaForCausalLM"},
        {"architectures": ["GptOssForCausalLM"]},
        {"architectures": ["GptOssForCausalLM"], "layer_types": ["full_attention"]},
        {"architectures": ["GptOssForCausalLM"], "layer_types": ["sliding_attention"] * 32},
        {"architectures": ["DeciLMForCausalLM"]},
        {"architectures": ["DeciLMForCausalLM"], "block_configs": [{}] * 32},
        {"architectures": ["NemotronHForCausalLM"], "hybrid_override_pattern": "M*"},
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


KEPT = st.builds(
    KeptTokens,
    st.integers(0, 64),
    st.integers(1, 64).map(lambda heads: heads * 64),
    st.none() | st.just(64),
)
LAYOUTS = st.builds(CacheLayout, st.just(64), st.tuples(KEPT, KEPT))
BITS = st.tuples(st.integers(2, 8), st.integers(2, 8))


@given(LAYOUTS, st.integers(1, 1 << 20), st.integers(0, 1 << 20), st.none() | BITS)
def test_more_tokens_never_take_less(
    layout: CacheLayout, tokens: int, further: int, bits: tuple[int, int] | None
) -> None:
    assert layout.bytes_for(tokens, bits) <= layout.bytes_for(tokens + further, bits)
    assert layout.unpacked(tokens, bits) <= layout.unpacked(tokens + further, bits)


@given(LAYOUTS, st.integers(1, 1 << 20), BITS, st.integers(0, 1))
def test_more_bits_never_take_less(
    layout: CacheLayout, tokens: int, bits: tuple[int, int], which: int
) -> None:
    more = (min(bits[0] + 1 - which, 8), min(bits[1] + which, 8))
    fewer, greater = layout.bytes_for(tokens, bits), layout.bytes_for(tokens, more)
    assert fewer <= greater <= layout.bytes_for(tokens, None)


def test_modes() -> None:
    assert [cache_bits(mode) for mode in ("FP16", None, "Q8", "2,8", " 4 , 3 ")] == [
        None,
        None,
        (8, 8),
        (2, 8),
        (4, 3),
    ]
    assert [mode_name(bits) for bits in (None, (8, 8), (4, 3))] == ["FP16", "Q8", "4,3"]
