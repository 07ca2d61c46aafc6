"""The estimate from real model directories and a real config.yml."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.gpu.backend import Backend, backend
from tabbydoctor.gpu.byte_range import GIB, ByteRange
from tabbydoctor.gpu.memory_need import MemoryNeed, memory_need
from tabbydoctor.host.local import LocalHost
from tabbydoctor.tabbyapi.installed import installation
from tabbydoctor.tabbyapi.layers import effective_config
from tabbydoctor.tabbyapi.model_files import model_files
from tabbydoctor.targets import Targets
from tests.gpu.models import LLAMA, write_model

NOW = Backend("/srv/tabby/backends/exllamav3/model.py", "1.4.1", "max_seq_len")


def estimate(directory: Path, backend: Backend | None = NOW, **sections: Any) -> MemoryNeed:
    """By the real gatherers, with `model_name: big` and these sections."""
    model = {"model_name": "big", **sections.pop("model", {})}
    (directory / "config.yml").write_text(yaml.safe_dump({"model": model, **sections}))
    host, start = LocalHost(), Instance(str(directory))
    config = effective_config(host, start, installation(host, start), Targets())
    assert not config.invalid
    return memory_need(host, start, config, model_files(host, start, config), backend)


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """TabbyAPI's directory with one model: 9 GiB surely loaded of files of 10 GiB."""
    write_model(tmp_path / "models/big")
    return tmp_path


def test_all_of_it(server: Path) -> None:
    need = estimate(server, model={"max_seq_len": 32768, "cache_mode": "Q8", "chunk_size": 4096})
    assert need.tokens == (32768, 32768)
    assert need.weights.low == 9 * GIB
    assert need.cache.low == 2.125 * GIB
    assert need.total(1).low == (9 + 2.125 + 0.25) * GIB
    # 128 MiB to unpack a layer, 2 GiB of workspace for chunks twice the usual, 96 MiB kept free.
    size = (server / "models/big/model.safetensors").stat().st_size
    assert need.total(1).high == size + (2.125 + 0.125 + 2) * GIB + (96 << 20)
    assert need.total(2).high - need.total(1).high == 2 * GIB


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
    assert on_cpu.further == ByteRange(0, 96 << 20)


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
    with pytest.raises(Unknown, match="cpu_moe_offload_layers"):
        estimate(server, model={"cpu_moe_offload_layers": 8})
    (server / "models/big/tabby_config.yml").write_text("model:\n  cache_size: 4096\n")
    with pytest.raises(Unknown, match=r"tabby_config\.yml"):
        estimate(server)


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
