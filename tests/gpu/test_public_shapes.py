"""Terms of public models, each against an expression worked out by hand from its configuration."""

from __future__ import annotations

import pytest

from tabbydoctor.facts import Unknown
from tabbydoctor.gpu.cache_layout import Bits, cache_bits
from tabbydoctor.gpu.layer_kinds import cache_layout, drafting_layout, sees
from tabbydoctor.gpu.parameters import parameters
from tests.gpu import shapes
from tests.gpu.shapes import Shape

# What a token takes in all layers that keep it: layers × KV heads × numbers in a head × (bytes of
# a key's number + bytes of a value's). FP16: 2 + 2. k,v bits: k/8 + v/8, and 2/32 + 2/32 of scales.
FP16, Q8, Q6, Q4 = 2 + 2, 1 + 1 + 1 / 8, 0.75 + 0.75 + 1 / 8, 0.5 + 0.5 + 1 / 8
TOKEN = (
    # Dense, grouped queries.
    ("LLAMA_8B", "FP16", 32 * 8 * 128 * FP16),
    ("LLAMA_8B", "Q4", 32 * 8 * 128 * Q4),
    ("LLAMA_70B", "Q6", 80 * 8 * 128 * Q6),
    ("QWEN2_32B", "Q8", 64 * 8 * 128 * Q8),
    ("QWEN2_32B", "4,8", 64 * 8 * 128 * (0.5 + 1 + 1 / 8)),
    ("COMMAND_R", "FP16", 40 * 8 * 128 * FP16),
    # Mixture of experts: the experts keep nothing.
    ("QWEN3_MOE_30B", "Q8", 48 * 4 * 128 * Q8),
    # Latent attention: a latent of 512 and a rotary key of 64, which stays in FP16.
    ("DEEPSEEK_V3", "FP16", 61 * (512 + 64) * 2),
    ("DEEPSEEK_V3", "Q8", 61 * (512 * (1 + 1 / 16) + 64 * 2)),
    # Sliding windows of which every token is kept.
    ("GEMMA3_27B", "Q6", 62 * 16 * 128 * Q6),
    # Sliding windows in rings: only the 12 of 24, the 10 of 60, the 5 of 30 full layers.
    ("GPT_OSS_20B", "FP16", 12 * 8 * 64 * FP16),
    ("GEMMA4_31B", "Q8", 10 * 4 * 512 * Q8),
    ("GEMMA4_26B", "FP16", 5 * 2 * 512 * FP16),
    # Linear attention in three of four layers.
    ("QWEN3_5_27B", "Q8", 16 * 4 * 256 * Q8),
    ("QWEN3_NEXT_80B", "FP16", 12 * 2 * 256 * FP16),
    # Four attention layers among Mamba's, six among short convolutions.
    ("NEMOTRON_H_8B", "FP16", 4 * 8 * 128 * FP16),
    ("LFM2_8B", "Q4", 6 * 8 * 64 * Q4),
    # 49 of 80 blocks have attention, with 64 / 8 heads.
    ("NEMOTRON_49B", "FP16", 49 * 8 * 128 * FP16),
)


def shape(name: str) -> Shape:
    found: Shape = getattr(shapes, name)
    return found


@pytest.mark.parametrize(("name", "mode", "token"), TOKEN)
def test_a_token(name: str, mode: str, token: float) -> None:
    bits: Bits | None = cache_bits(mode)
    assert cache_layout(shape(name)).bytes_for(32768, bits) == 32768 * token


# What a request takes in the layers that keep a state, and each drafted token more.
STATES = (
    # A convolution of 2 × 16 × 128 + 48 × 128 numbers in BF16, 4 steps long; a state in FP32.
    (
        "QWEN3_5_27B",
        48 * ((2 * 16 * 128 + 48 * 128) * 4 * 2 + 48 * 128 * 128 * 4),
        48 * ((2 * 16 * 128 + 48 * 128) * 2 + 48 * 128 * 128 * 4),
    ),
    (
        "QWEN3_NEXT_80B",
        36 * ((2 * 16 * 128 + 32 * 128) * 4 * 2 + 32 * 128 * 128 * 4),
        36 * ((2 * 16 * 128 + 32 * 128) * 2 + 32 * 128 * 128 * 4),
    ),
    # Mamba: x, B and C of 128 × 64 + 2 × 8 × 128 numbers; a state of 128 heads × 64 × 128.
    (
        "NEMOTRON_H_8B",
        24 * ((128 * 64 + 2 * 8 * 128) * 4 * 2 + 128 * 64 * 128 * 4),
        24 * ((128 * 64 + 2 * 8 * 128) * 2 + 128 * 64 * 128 * 4),
    ),
    ("LFM2_8B", 18 * 2048 * 3 * 2, 18 * 2048 * 2),
    # Rings: 127 + 512 tokens in pages are 768, 1024 + 512 are 1536; drafting adds none.
    ("GPT_OSS_20B", 12 * 768 * 8 * 64 * FP16, 0),
    ("GEMMA4_31B", 50 * 1536 * 16 * 256 * FP16, 0),
    ("LLAMA_8B", 0, 0),
)


@pytest.mark.parametrize(("name", "steady", "drafted"), STATES)
def test_a_state(name: str, steady: int, drafted: int) -> None:
    layout = cache_layout(shape(name))
    assert layout.state_bytes(1, 0) == steady
    assert layout.state_bytes(3, 0) == 3 * steady
    assert layout.state_bytes(2, 5) == 2 * (steady + 5 * drafted)


def test_layers_for_drafting_have_a_cache_of_their_own() -> None:
    found = drafting_layout(shapes.QWEN3_5_27B)
    assert found
    assert found.bytes_for(262144, None) == 262144 * 1 * 4 * 256 * FP16
    assert drafting_layout(shapes.LLAMA_8B) is None


# Numbers in the layers and in the output layer.
NUMBERS = (
    # q and o, k and v, gate, up and down.
    ("LLAMA_8B", 32 * (2 * 4096**2 + 2 * 4096 * 1024 + 3 * 4096 * 14336), 4096 * 128256),
    ("QWEN2_32B", 64 * (2 * 5120**2 + 2 * 5120 * 1024 + 3 * 5120 * 27648), 5120 * 152064),
    # q and o of 32 × 128, k and v of 16 × 128.
    ("GEMMA3_27B", 62 * (2 * 5376 * 4096 + 2 * 5376 * 2048 + 3 * 5376 * 21504), 5376 * 262208),
    (
        "QWEN3_MOE_30B",
        48 * (2 * 2048 * 4096 + 2 * 2048 * 512 + 128 * 3 * 2048 * 768),
        2048 * 151936,
    ),
    # Low-rank queries and latents; three dense layers, then 256 experts and a shared one.
    (
        "DEEPSEEK_V3",
        61
        * (7168 * 1536 + 1536 * 128 * 192 + 7168 * 576 + 512 * 128 * (128 + 128) + 128 * 128 * 7168)
        + 3 * 3 * 7168 * 18432
        + 58 * 257 * 3 * 7168 * 2048,
        7168 * 129280,
    ),
    # 50 layers of 256 numbers a head; 10 of 512, with one matrix for keys and values.
    (
        "GEMMA4_31B",
        50 * (2 * 5376 * 32 * 256 + 2 * 5376 * 16 * 256)
        + 10 * (2 * 5376 * 32 * 512 + 5376 * 4 * 512)
        + 60 * 3 * 5376 * 21504,
        5376 * 262144,
    ),
    # Gated queries, q and k of 16 × 128, v, z and the gate of 48 × 128.
    (
        "QWEN3_5_27B",
        16 * (3 * 5120 * 24 * 256 + 2 * 5120 * 4 * 256)
        + 48 * 5120 * (2 * 16 * 128 + 3 * 48 * 128 + 2 * 48)
        + 64 * 3 * 5120 * 17408,
        5120 * 248320,
    ),
    # Mamba's z, x, B, C and dt, and its way out; no gate in the 24 feed-forward layers.
    (
        "NEMOTRON_H_8B",
        24 * 4096 * (3 * 8192 + 2 * 8 * 128 + 128)
        + 4 * (2 * 4096 * 4096 + 2 * 4096 * 1024)
        + 24 * 2 * 4096 * 21504,
        4096 * 131072,
    ),
    ("COMMAND_R", 40 * (2 * 8192**2 + 2 * 8192 * 1024 + 3 * 8192 * 24576), 8192 * 256000),
)


@pytest.mark.parametrize(("name", "layers", "head"), NUMBERS)
def test_numbers_of_the_weights(name: str, layers: int, head: int) -> None:
    found = parameters(shape(name))
    assert (found.layers, found.head) == (layers, head)


# What the models are called by: billions of numbers, with the embeddings.
BILLIONS = (
    ("LLAMA_70B", 70.6),
    ("DEEPSEEK_V3", 671),
    ("GPT_OSS_20B", 20.9),
    ("GEMMA4_26B", 25.2),
    ("QWEN3_NEXT_80B", 79.7),
    ("QWEN3_MOE_30B", 30.5),
)


@pytest.mark.parametrize(("name", "billions"), BILLIONS)
def test_all_of_them_are_as_many_as_the_model_is_called_by(name: str, billions: float) -> None:
    found = parameters(shape(name))
    tied = shape(name).get("tie_word_embeddings") is None  # once for both
    whole = found.layers + found.head * (1 if tied else 2)
    assert whole / 1e9 == pytest.approx(billions, rel=0.01)


def test_experts_are_in_the_layers_that_have_them() -> None:
    """The first three of DeepSeek V3 and the first two of LFM2 are dense."""
    assert parameters(shapes.DEEPSEEK_V3).experts == (256 * 3 * 7168 * 2048,) * 58
    assert parameters(shapes.LFM2_8B).experts == (32 * 3 * 2048 * 1792,) * 22
    assert parameters(shapes.LLAMA_8B).experts == ()


def test_who_sees() -> None:
    """27 layers of 4 × 1152² + 2 × 1152 × 4304 numbers, and the way to 5376."""
    assert sees(shapes.GEMMA3_27B)
    assert not sees(shapes.LLAMA_8B)
    tower = 27 * (4 * 1152**2 + 2 * 1152 * 4304) + 4 * 1152 * 5376
    assert parameters(shapes.GEMMA3_27B).vision == tower


def test_a_cache_of_an_unknown_kind() -> None:
    with pytest.raises(Unknown, match="DeepseekV4ForCausalLM"):
        cache_layout(shapes.DEEPSEEK_V4)
