"""What of a model's files a GPU has to hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tabbydoctor.facts import Unknown
from tabbydoctor.gpu.byte_range import GIB, ByteRange
from tabbydoctor.gpu.weights import Weights, file_sizes, weights
from tabbydoctor.host.local import LocalHost
from tests.gpu.models import write_model, write_weights


def _weights(directory: Path, layers: int = 32, *, tied: bool = False) -> Weights:
    return weights(LocalHost(), str(directory), layers, tied=tied)


def _taken(size: int) -> ByteRange:
    """So many bytes of tensors: torch's allocator may round up by a fiftieth."""
    return ByteRange(size, size + size // 50)


def test_layers_and_head_are_loaded_and_embeddings_are_not(tmp_path: Path) -> None:
    """Two times 4 GiB of layers and a head of 1 GiB, of files of 10 GiB."""
    model = write_model(tmp_path / "llama")
    assert _weights(model) == Weights(_taken(9 * GIB))
    assert file_sizes(LocalHost(), str(model)) // GIB == 10


def test_without_an_output_layer_it_is_made_from_the_embeddings(tmp_path: Path) -> None:
    tensors = {"model.embed_tokens.weight": 300, "model.layers.0.a": 1000}
    model = write_model(tmp_path / "model", tensors=tensors)
    assert _weights(model, tied=True).text.low == 1300
    assert _weights(model).text.low == 1000


def test_parts_that_are_models_of_their_own(tmp_path: Path) -> None:
    tensors = {
        "model.language_model.layers.0.q.weight": 1000,
        "model.language_model.layers.1.q.weight": 1000,
        "model.language_model.norm.weight": 10,
        "model.language_model.layers.2.q.weight": 5000,  # for drafting
        "mtp.layers.0.q.weight": 700,
        "mtp.fc.weight": 50,
        "model.visual.layers.0.q.weight": 1500,
        "vision_tower.patch.weight": 20,
        "multi_modal_projector.linear.weight": 3,
        "layers.0.attention.wq.weight": 900,  # the same once more, in another naming
    }
    model = write_model(tmp_path / "model", tensors=tensors)
    found = _weights(model, layers=2)
    assert (found.text.low, found.drafting.low, found.vision.low) == (2010, 5750, 1523)


def test_experts_by_layer(tmp_path: Path) -> None:
    tensors = {
        "model.layers.0.mlp.up_proj.trellis": 50,
        "model.layers.1.mlp.experts.0.up_proj.trellis": 100,
        "model.layers.1.mlp.experts.1.up_proj.trellis": 100,
        "model.layers.1.mlp.shared_experts.up_proj.trellis": 7,
        "model.layers.10.mlp.experts.0.up_proj.trellis": 300,
    }
    found = _weights(write_model(tmp_path / "model", tensors=tensors))
    assert found.experts == (200, 300)
    assert found.text.low == 557


def test_several_files_and_a_tensor_in_two_of_them(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", tensors={"model.layers.0.a": 1000})
    write_weights(model / "second.safetensors", {"model.layers.0.a": 1000, "model.layers.1.a": 10})
    assert _weights(model).text.low == 1010


@pytest.mark.parametrize(
    ("name", "kind", "loaded"),
    [
        ("a", "F32", ByteRange(2000, 4080)),  # most as FP16, some as they are
        ("a", "BF16", ByteRange(4000, 4080)),
        ("a", "F8_E4M3", ByteRange(8000, 8160)),
        ("a_blocks", "U8", ByteRange(16000, 16320)),  # MXFP4: two numbers a byte
        ("a_scales", "U8", ByteRange(0, 0)),
    ],
)
def test_what_is_no_exl3_is_loaded_as_fp16(
    tmp_path: Path, name: str, kind: str, loaded: ByteRange
) -> None:
    model = write_model(tmp_path / "model", tensors={})
    write_weights(model / "model.safetensors", {f"model.layers.0.{name}": 4000}, dtype=kind)
    assert _weights(model).text == loaded


def test_a_file_that_is_cut_off_is_not_larger_than_it_is(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    os.truncate(model / "model.safetensors", GIB)
    # What is left of it are embeddings.
    assert _weights(model).text == ByteRange(0, 0)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 4, b"\x08\0\0\0\0\0\0\0not json", b"\xff" * 64, b"[" * 9000]
)
def test_files_that_are_none(tmp_path: Path, content: bytes) -> None:
    model = write_model(tmp_path / "model")
    (model / "model.safetensors").write_bytes(content)
    with pytest.raises(Unknown, match="no safetensors file"):
        _weights(model)


def test_heads_that_make_no_sense_count_for_nothing(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    text = (
        b'{"model.layers.0.a": {"data_offsets": [9, 3]}, "model.layers.0.b": 1,'
        b' "model.layers.0.c": {"data_offsets": [0, "x"]}}'
    )
    (model / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
    assert _weights(model).text.low == 0


def test_no_files(tmp_path: Path) -> None:
    with pytest.raises(Unknown, match="has no"):
        _weights(tmp_path)
    with pytest.raises(Unknown, match="cannot read"):
        _weights(tmp_path / "nowhere")
