"""The estimate from real model directories and a real config.yml."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.gpu.backend import Backend, backend
from tabbydoctor.gpu.byte_range import GIB, ByteRange
from tabbydoctor.gpu.estimate import memory_need
from tabbydoctor.gpu.estimated_model import EstimatedModel
from tabbydoctor.gpu.memory_need import MemoryNeed
from tabbydoctor.gpu.torch import PythonEnvironment
from tabbydoctor.host.local import LocalHost
from tabbydoctor.tabbyapi.installed import installation
from tabbydoctor.tabbyapi.layers import effective_config
from tabbydoctor.tabbyapi.model_files import model_files
from tabbydoctor.targets import Targets
from tests.gpu.models import LLAMA, write_model
from tests.gpu.shapes import GEMMA3_27B, LLAMA_8B, QWEN3_5_27B, QWEN3_MOE_30B, exl3

NOW = Backend("/srv/tabby/backends/exllamav3/model.py", "1.4.1", "max_seq_len")


def estimate(
    directory: Path,
    backend: Backend | None = NOW,
    asked: EstimatedModel | None = None,
    version: str = "",
    **sections: Any,
) -> MemoryNeed:
    """By the real gatherers, with `model_name: big` and these sections."""
    model = {"model_name": "big", **sections.pop("model", {})}
    (directory / "config.yml").write_text(yaml.safe_dump({"model": model, **sections}))
    host, start = LocalHost(), Instance(str(directory))
    config = effective_config(host, start, installation(host, start), Targets())
    assert not config.invalid
    packages = {"exllamav3": version} if version else {}
    venv = PythonEnvironment("python", (), packages)
    files = model_files(host, start, config)
    return memory_need(host, start, config, files, backend, venv, asked)


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """TabbyAPI's directory with one model: 9 GiB surely loaded of files of 10 GiB."""
    write_model(tmp_path / "models/big")
    return tmp_path


def test_all_of_it(server: Path) -> None:
    need = estimate(server, model={"max_seq_len": 32768, "cache_mode": "Q8", "chunk_size": 4096})
    assert need.tokens == (32768, 32768)
    assert need.weights == ByteRange(9 * GIB, 9 * GIB + 9 * GIB // 50)
    assert need.cache == ByteRange(int(2.125 * GIB), int(2.125 * GIB))
    # CUDA takes 0.25 to 0.75 GiB, a workspace for chunks twice the usual up to 1.3.
    assert need.overhead(1) == ByteRange(GIB // 4, GIB * 3 // 4 + 2 * int(0.65 * GIB))
    assert need.total(1) == need.weights + need.cache + need.overhead(1)
    assert need.overhead(2).high == 2 * need.overhead(1).high
    assert [term.kind for term in need.terms(1)] == ["weights", "cache", "overhead"]


def test_newer_versions_read_a_quantised_cache_as_it_is(server: Path) -> None:
    model = {"max_seq_len": 32768, "cache_mode": "Q8"}
    usual = GIB * 3 // 4 + int(0.65 * GIB)
    # 1.4.1 is what TabbyAPI asks for at least.
    assert estimate(server, model=model).overhead(1).high == usual
    assert estimate(server, version="1.5.0", model=model).overhead(1).high == usual
    older = estimate(server, version="0.0.30", model=model)
    assert older.overhead(1).high == usual + (128 << 20)


@pytest.mark.parametrize(
    ("installed", "model", "tokens"),
    [
        (NOW, {}, (131072, 131072)),
        (NOW, {"max_seq_len": -1}, (131072, 131072)),
        (NOW, {"max_seq_len": 8192}, (8192, 8192)),
        (NOW, {"max_seq_len": 65536, "cache_size": 4096}, (4096, 4096)),
        (replace(NOW, default_cache="8192"), {"max_seq_len": 65536}, (8192, 8192)),
        (replace(NOW, default_cache=""), {}, (4096, 4096)),
        (replace(NOW, default_cache=""), {"max_seq_len": 16384}, (16384, 16384)),
        (None, {}, (4096, 131072)),
        (None, {"max_seq_len": 16384}, (16384, 16384)),
    ],
)
def test_the_size_of_the_cache(
    server: Path, installed: Backend | None, model: dict[str, Any], tokens: tuple[int, int]
) -> None:
    assert estimate(server, installed, model=model).tokens == tokens


def test_a_draft_model_has_a_cache_as_long(server: Path) -> None:
    write_model(server / "models/small", LLAMA, {"model.layers.0.a": GIB})
    named = {"draft_model_name": "small", "draft_cache_mode": "Q4"}
    model = {"cache_size": 32768}
    need = estimate(server, model=model, draft_model=named)
    assert need.weights.low == 10 * GIB
    assert need.cache.low == (4 + 1.125) * GIB
    off = estimate(server, model=model, draft_model={**named, "draft_mode": "ngram"})
    assert off.draft is None


def test_a_draft_model_that_cannot_be_estimated_is_left_out(server: Path) -> None:
    write_model(server / "models/small", {**LLAMA, "architectures": ["StrangeForCausalLM"]})
    need = estimate(server, draft_model={"draft_model_name": "small"})
    assert need.draft is None
    assert "StrangeForCausalLM" in need.left_out[0]


def test_an_embedding_model_may_come(server: Path) -> None:
    write_model(server / "models/words", {}, {"a": GIB})
    named = {"embedding_model_name": "words"}
    on_gpu = estimate(server, embeddings={**named, "embeddings_device": "cuda"})
    on_cpu = estimate(server, embeddings={**named, "embeddings_device": "cpu"})
    assert on_gpu.further.high - on_cpu.further.high >= GIB
    assert on_gpu.further.low == 0
    assert on_cpu.further == ByteRange(0, 0)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({**LLAMA, "num_hidden_layers": None}, "num_hidden_layers"),
        ({**LLAMA, "architectures": ["StrangeForCausalLM"]}, "Strange"),
        ({**LLAMA, "quantization_config": {"quant_method": "awq"}}, "awq"),
        ([LLAMA], "no JSON object"),
    ],
)
def test_a_config_json_that_does_not_tell(tmp_path: Path, config: Any, reason: str) -> None:
    write_model(tmp_path / "models/big", config)
    with pytest.raises(Unknown, match=reason):
        estimate(tmp_path)


def test_settings_that_leave_it_open(server: Path) -> None:
    (server / "models/big/tabby_config.yml").write_text("model:\n  cache_size: 4096\n")
    with pytest.raises(Unknown, match=r"tabby_config\.yml"):
        estimate(server)


# Further models beside it.
def test_drafting_by_its_own_layers(tmp_path: Path) -> None:
    """An MTP layer of 1 GiB, and a cache of one layer of 4 × 256 numbers."""
    tensors = {"model.language_model.layers.0.a": 4 * GIB, "mtp.layers.0.a": GIB}
    write_model(tmp_path / "models/big", exl3(QWEN3_5_27B, 4), tensors)
    model = {"cache_size": 32768}
    need = estimate(tmp_path, model=model, draft_model={"draft_mode": "mtp"})
    assert need.draft
    assert need.draft.weights.low == GIB
    assert need.draft.layout.bytes_for(32768, None) == 32768 * 4 * 256 * 4
    assert need.drafted == 4
    terms = {term.kind: term.amount.low for term in need.terms(1)}
    assert terms["draft-weights"] == GIB
    # Four requests with a state and one more for each drafted token.
    state, more = need.model.layout.state_bytes(1, 0), need.model.layout.state_bytes(1, 1)
    assert terms["states"] == 4 * (state + 4 * (more - state))
    few = {"draft_mode": "mtp", "draft_num_tokens": 1}
    single = estimate(tmp_path, model={**model, "max_batch_size": 1}, draft_model=few)
    assert single.states.low == more


def test_a_split_of_the_draft_is_said_to_be_left_aside(server: Path) -> None:
    write_model(server / "models/small", LLAMA, {"model.layers.0.a": GIB})
    named = {"draft_model_name": "small", "draft_gpu_split": [4, 0]}
    assert "draft_gpu_split" in estimate(server, draft_model=named).assumed[0]


def test_drafting_by_layers_that_are_not_there(server: Path) -> None:
    need = estimate(server, draft_model={"draft_mode": "mtp"})
    assert need.draft is None
    assert need.draft_mode == ""
    assert "drafting by its own layers" in need.left_out[0]


def test_drafting_by_ngrams_takes_a_state_for_each_token(tmp_path: Path) -> None:
    write_model(tmp_path / "models/big", exl3(QWEN3_5_27B, 4), {"model.layers.0.a": GIB})
    off = estimate(tmp_path, model={"cache_size": 4096})
    on = estimate(tmp_path, model={"cache_size": 4096}, draft_model={"draft_mode": "ngram"})
    assert (off.drafted, on.drafted, on.draft) == (0, 4, None)
    assert on.states.low > off.states.low


def test_vision_counts_where_it_is_on(tmp_path: Path) -> None:
    tensors = {"model.language_model.layers.0.a": 4 * GIB, "vision_tower.a": GIB}
    write_model(tmp_path / "models/big", exl3(GEMMA3_27B, 4), tensors)
    assert estimate(tmp_path).vision.low == 0
    assert estimate(tmp_path, model={"vision": True}).vision.low == GIB


def test_vision_of_a_model_that_has_none(server: Path) -> None:
    need = estimate(server, model={"vision": True})
    assert need.vision.high == 0
    assert "vision" in need.assumed[0]


@pytest.mark.parametrize(("layers", "kept"), [(1, 4), (2, 1), (99, 1)])
def test_experts_that_stay_in_system_memory(tmp_path: Path, layers: int, kept: int) -> None:
    """Experts of 3 GiB in each of two layers, and 1 GiB of all else."""
    tensors = {
        "model.layers.0.a": GIB,
        "model.layers.0.mlp.experts.0.a": 3 * GIB,
        "model.layers.1.mlp.experts.0.a": 3 * GIB,
    }
    write_model(tmp_path / "models/big", exl3(QWEN3_MOE_30B, 4), tensors)
    need = estimate(tmp_path, model={"cpu_moe_offload_layers": layers})
    assert need.weights.low == kept * GIB
    assert need.weights.high >= (kept + 3) * GIB
    assert "cpu_moe_offload_layers" in need.assumed[0]


# Before the weights are there.
@pytest.mark.parametrize(("bits", "taken"), [(None, 4), (2.5, 2.5)])
def test_a_model_of_which_only_the_configuration_is_there(
    tmp_path: Path, bits: float | None, taken: float
) -> None:
    directory = tmp_path / "coming"
    directory.mkdir()
    (directory / "llama.json").write_text(json.dumps(exl3(LLAMA_8B, 4)))
    asked = EstimatedModel("coming", str(directory), "llama.json", bits)
    need = estimate(tmp_path, asked=asked, model={"cache_size": 8192})
    layers, head = 6979321856, 4096 * 128256
    size = layers * taken / 8 + head * 6 / 8
    assert need.weights.low == pytest.approx(size * 0.98, rel=1e-6)
    assert need.weights.high == pytest.approx(size * 1.02, rel=1e-6)
    assert f"{taken:g} bits" in need.assumed[0]


def _coming(tmp_path: Path, quantised: Any) -> EstimatedModel:
    """A model whose weights are not there."""
    directory = write_model(tmp_path / "coming", {**LLAMA_8B, "quantization_config": quantised})
    (directory / "model.safetensors").unlink()
    return EstimatedModel("coming", str(directory))


@pytest.mark.parametrize("quantised", [None, {"quant_method": "fp8"}])
def test_what_is_no_exl3_is_taken_for_fp16(tmp_path: Path, quantised: Any) -> None:
    need = estimate(tmp_path, asked=_coming(tmp_path, quantised))
    assert "16 bits" in need.assumed[0]
    numbers = 6979321856 + 4096 * 128256
    assert need.weights.low == pytest.approx(numbers * 2 * 0.98, rel=1e-6)


@pytest.mark.parametrize("quantised", [{"quant_method": "exl3"}, {"quant_method": "awq"}])
def test_bits_that_are_not_told(tmp_path: Path, quantised: Any) -> None:
    with pytest.raises(Unknown, match="--bpw"):
        estimate(tmp_path, asked=_coming(tmp_path, quantised))


def test_a_configured_model_without_weights_is_not_guessed(tmp_path: Path) -> None:
    directory = write_model(tmp_path / "models/big", exl3(LLAMA_8B, 4))
    (directory / "model.safetensors").unlink()
    with pytest.raises(Unknown, match=r"no \*\.safetensors"):
        estimate(tmp_path)


def test_no_model(server: Path) -> None:
    with pytest.raises(Absent, match="no model"):
        estimate(server, model={"model_name": ""})
    with pytest.raises(Absent, match="CFG010"):
        estimate(server, model={"model_name": "elsewhere"})


# What the installed TabbyAPI asks for.
def _backend(directory: Path, text: str | None = None) -> Backend:
    path = directory / "backends/exllamav3/model.py"
    if text is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return backend(LocalHost(), Instance(str(directory)))


def test_the_installed_backend(tmp_path: Path) -> None:
    with pytest.raises(Absent):
        _backend(tmp_path)
    placeholder = _backend(tmp_path, "# nothing\n")
    assert (placeholder.required, placeholder.default_cache) == (None, "")
    text = 'check_package_version("exllamav3", "1.4.1")\n        cache_size_default = {}\n'
    found = _backend(tmp_path, text.format("max_seq_len"))
    assert (found.required, found.default_cache) == ("1.4.1", "max_seq_len")
    assert _backend(tmp_path, text.format("8192")).default_cache == "8192"


def test_a_backend_inside_a_container(tmp_path: Path) -> None:
    with pytest.raises(Unknown, match="docker"):
        backend(LocalHost(), Instance(str(tmp_path), container="docker tabbyapi"))
