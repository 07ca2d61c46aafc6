"""Whatever numbers stand in config.yml and config.json: no crash, no estimate that cannot be."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.gpu.vram import vram
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.gpu.backend import backend
from tabbydoctor.gpu.bits import FileBits, bits_of
from tabbydoctor.gpu.cache_layout import CacheLayout
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.estimate import memory_need
from tabbydoctor.gpu.layer_kinds import cache_layout, drafting_layout, sees
from tabbydoctor.gpu.memory_need import MemoryNeed
from tabbydoctor.gpu.memory_room import memory_room
from tabbydoctor.host.data import NvmlState
from tabbydoctor.host.local import LocalHost
from tabbydoctor.tabbyapi.installed import installation
from tabbydoctor.tabbyapi.layers import effective_config
from tabbydoctor.tabbyapi.model_files import model_files
from tabbydoctor.targets import Targets
from tests.checks.gpu.machine_tree import NEED
from tests.gpu import shapes
from tests.gpu.models import LLAMA, write_model
from tests.gpu.shapes import Shape
from tests.gpu.test_memory_room import gpu

MACHINE = Machine(systemd=True, root=True)
SHAPES: list[Shape] = [
    one for name, one in vars(shapes).items() if name.isupper() and name[0] != "_"
]
FAILED = Unit("tabbyapi.service", {"ActiveState": "failed"})


def judged(directory: Path, text: str) -> MemoryNeed | None:
    """The estimate by the real gatherers, told of two GPUs; None where it cannot be known."""
    (directory / "config.yml").write_text(text)
    host, start = LocalHost(), Instance(str(directory), unit=FAILED)
    try:
        config = effective_config(host, start, installation(host, start), Targets())
        asks = None
        if (directory / "backends").exists():
            asks = backend(host, start)
        need = memory_need(host, start, config, model_files(host, start, config), asks, None, None)
    except (Absent, Unknown):
        return None
    for gpus in (1, 2):
        total = need.total(gpus)
        assert 0 <= total.low <= total.high < math.inf, total
        assert all(word not in str(total) for word in ("-", "inf", "nan"))
    try:
        driver = Driver(NvmlState(gpus=(gpu(0, 24, 3), gpu(1, 24, 3))))
        room = memory_room(driver, start, config, MACHINE, None)
        assert 0 <= room.free <= room.total <= 48 << 30
        assert room.gpus
        list(vram.judge(NEED, need, room, start, config, MACHINE, None))
    except (Absent, Unknown):
        pass
    return need


def told(**sections: Any) -> str:
    """A config.yml that names the model."""
    model = {"model_name": "big", **sections.pop("model", {})}
    text = yaml.safe_dump({"model": model, **sections})
    assert isinstance(text, str)
    return text


NUMBERS = (
    st.sampled_from([0, -1, 255, 256, 4096, 1e308, -1e308, math.inf, -math.inf, math.nan])
    | st.integers(-(10**9), 10**9)
    | st.integers(-(10**400), 10**400)
    | st.floats()
)
VALUES = (
    NUMBERS
    | st.none()
    | st.booleans()
    | st.text("FPQ468,-. ", max_size=5)
    | st.lists(NUMBERS, max_size=3)
)
SIZES = st.dictionaries(
    st.sampled_from(
        [
            *("cache_size", "max_seq_len", "chunk_size", "autosplit_reserve", "gpu_split"),
            *("cache_mode", "cpu_moe_offload_layers", "tensor_parallel"),
        ]
    ),
    VALUES,
    max_size=4,
)
COUNTS = st.dictionaries(
    st.sampled_from(
        [
            *(key for key in LLAMA if key != "architectures"),
            *("head_dim", "layer_types", "sliding_window", "kv_lora_rank", "qk_rope_head_dim"),
            *("full_attention_interval", "hybrid_override_pattern", "text_config"),
        ]
    ),
    VALUES,
    max_size=4,
)
ARCHITECTURES = st.sampled_from(
    ["Llama", "Qwen3Next", "NemotronH", "GptOss", "Gemma3", "DeepseekV3"]
)


@given(SIZES)
def test_any_configuration(sizes: dict[str, Any]) -> None:
    with TemporaryDirectory() as name:
        write_model(Path(name) / "models/big")
        judged(Path(name), told(model=sizes))


@given(COUNTS, ARCHITECTURES)
def test_any_config_json(counts: dict[str, Any], architecture: str) -> None:
    with TemporaryDirectory() as name:
        named = {"architectures": [f"{architecture}ForCausalLM"]}
        write_model(Path(name) / "models/big", {**LLAMA, **named, **counts})
        judged(Path(name), told())


KEYS = sorted(
    {key for shape in SHAPES for part in (shape, shape.get("text_config", {})) for key in part}
)
NESTED = st.sampled_from(
    [
        [],
        [{}],
        [None],
        {},
        {"no_op": True},
        [{"attention": {}, "ffn": {"ffn_mult": math.nan}}],
        "M*",
    ]
)


@settings(deadline=None)
@given(
    st.sampled_from(SHAPES),
    st.dictionaries(st.sampled_from(KEYS), VALUES | NESTED, max_size=4),
    st.dictionaries(st.sampled_from(KEYS), VALUES | NESTED, max_size=2),
)
def test_any_shape(shape: Shape, changes: dict[str, Any], inside: dict[str, Any]) -> None:
    """What cannot be told is unknown; what can is an amount."""
    text = {**shape.get("text_config", {}), **inside}
    config = {**shape, **({"text_config": text} if "text_config" in shape else inside), **changes}
    tellers: list[Callable[[], FileBits | CacheLayout | None]] = [
        lambda: bits_of(config, None),
        lambda: cache_layout(config),
        lambda: drafting_layout(config),
    ]
    for tell in tellers:
        try:
            found = tell()
        except Unknown:
            continue
        if isinstance(found, FileBits):
            for amount in (found.weights.text, found.weights.vision, found.weights.drafting):
                assert 0 <= amount.low <= amount.high
        if isinstance(found, CacheLayout):
            assert 0 <= found.bytes_for(4096, (4, 4)) <= found.bytes_for(4096, None)
            assert 0 <= found.state_bytes(1, 0) <= found.state_bytes(4, 4)
    assert sees(config) in (True, False)


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """TabbyAPI's directory with one model."""
    write_model(tmp_path / "models/big")
    return tmp_path


@pytest.mark.parametrize("reserve", [[math.inf], [math.nan], [-1e6], [-math.inf, math.nan]])
def test_a_reserve_that_is_no_amount_does_not_count(server: Path, reserve: list[float]) -> None:
    usual = judged(server, told(model={"autosplit_reserve": []}))
    found = judged(server, told(model={"autosplit_reserve": reserve}))
    assert usual
    assert found
    assert found.total(2) == usual.total(2)


def test_what_no_gpu_holds_is_still_more_than_there_is(server: Path) -> None:
    need = judged(server, told(model={"cache_size": 256 * 10**400}))
    assert need
    assert need.total(1).low > 1 << 50


def test_a_chunk_longer_than_all(server: Path) -> None:
    sizes = {"cache_size": 32768}
    usual = judged(server, told(model=sizes))
    longest = judged(server, told(model={**sizes, "chunk_size": 10**400}))
    assert usual
    assert longest
    assert longest.total(1).low == usual.total(1).low
    assert longest.total(1).high < 1 << 70


@pytest.mark.parametrize("key", ["cache_mode", "cache_size", "gpu_split", "chunk_size"])
def test_a_number_too_long_to_be_written_out(server: Path, key: str) -> None:
    """Python writes no more than 4300 digits; in hexadecimal it reads any."""
    judged(server, f"model:\n  model_name: big\n  {key}: 0x{'f' * 5000}00\n")


def test_heads_of_no_width(tmp_path: Path) -> None:
    write_model(tmp_path / "models/big", {**LLAMA, "hidden_size": 1})
    assert judged(tmp_path, told()) is None


def test_a_default_that_is_no_size(server: Path) -> None:
    source = server / "backends/exllamav3/model.py"
    source.parent.mkdir(parents=True)
    for default in ("0", "9" * 5000):
        source.write_text(f"        cache_size_default = {default}\n")
        need = judged(server, told(model={"max_seq_len": 8192}))
        assert need
        assert need.tokens == (8192, 8192)


def test_tensors_of_a_layer_beyond_all(tmp_path: Path) -> None:
    tensors = {f"model.layers.{'9' * 5000}.a": 1, "model.layers.0.a": 1000}
    write_model(tmp_path / "models/big", tensors=tensors)
    need = judged(tmp_path, told())
    assert need
    assert need.weights.low == 1001


@given(st.dictionaries(st.text("layers.0912_hd", max_size=20), VALUES, max_size=3))
def test_any_head_of_the_weights(tensors: dict[str, Any]) -> None:
    with TemporaryDirectory() as name:
        path = write_model(Path(name) / "models/big") / "model.safetensors"
        places = {key: {"data_offsets": [0, value]} for key, value in tensors.items()}
        head = json.dumps({**places, "model.layers.0.a": {"data_offsets": [9, 10**400]}}).encode()
        path.write_bytes(len(head).to_bytes(8, "little") + head)
        need = judged(Path(name), told())
        assert need
        assert 0 <= need.weights.low <= need.weights.high < 8 * path.stat().st_size
