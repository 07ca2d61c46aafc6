"""What of a model's files a GPU surely has to hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tabbydoctor.facts import Unknown
from tabbydoctor.gpu.byte_range import GIB, ByteRange
from tabbydoctor.gpu.weights import weights
from tabbydoctor.host.local import LocalHost
from tests.gpu.models import write_model, write_weights


def _weights(directory: Path, layers: int = 32) -> ByteRange:
    return weights(LocalHost(), str(directory), layers)


def test_layers_and_head_are_sure_and_embeddings_are_not(tmp_path: Path) -> None:
    model = write_model(tmp_path / "llama")
    size = (model / "model.safetensors").stat().st_size
    assert _weights(model) == ByteRange(9 * GIB, size)
    assert size // GIB == 10


def test_layers_that_do_not_run_and_other_stacks_are_not_sure(tmp_path: Path) -> None:
    tensors = {
        "model.language_model.layers.0.q.weight": 1000,
        "model.language_model.layers.1.q.weight": 1000,
        "model.language_model.layers.2.q.weight": 5000,  # for drafting
        "model.visual.layers.0.q.weight": 1500,
        "mtp.layers.0.q.weight": 700,
        "layers.0.attention.wq.weight": 900,  # the same once more, in another naming
    }
    model = write_model(tmp_path / "model", tensors=tensors)
    assert _weights(model, layers=2).low == 2000


def test_several_files_and_a_tensor_in_two_of_them(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", tensors={"model.layers.0.a": 1000})
    write_weights(model / "second.safetensors", {"model.layers.0.a": 1000, "model.layers.1.a": 10})
    assert _weights(model).low == 1010


def test_single_precision_is_halved_when_loaded(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", tensors={})
    write_weights(model / "model.safetensors", {"model.layers.0.a": 4000}, dtype="F32")
    assert _weights(model).low == 2000


def test_a_file_that_is_cut_off_is_not_larger_than_it_is(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    os.truncate(model / "model.safetensors", GIB)
    assert _weights(model) == ByteRange(GIB, GIB)


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
    assert _weights(model).low == 0


def test_no_files(tmp_path: Path) -> None:
    with pytest.raises(Unknown, match="has no"):
        _weights(tmp_path)
    with pytest.raises(Unknown, match="cannot read"):
        _weights(tmp_path / "nowhere")
