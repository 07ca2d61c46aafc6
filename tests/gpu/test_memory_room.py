"""Which memory counts: of which GPUs, and TabbyAPI's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tabbydoctor.deployment.parts import Instance, Machine, ProcessTable
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.gpu.byte_range import GIB
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.memory_room import MemoryHolder, MemoryRoom, memory_room, reserves
from tabbydoctor.host.data import NvmlGpu, NvmlProcess, NvmlState, Process
from tabbydoctor.tabbyapi.config import EffectiveConfig, Origin, Setting

GROUP = "/system.slice/tabbyapi.service"
SERVER = Process(42, ("/srv/tabby/venv/bin/python", "main.py"), cgroup=GROUP)
WORKER = Process(43, ("python", "worker"), cgroup=GROUP)
SGLANG = Process(77, ("/opt/sglang/bin/python3", "-m", "x"), unit="sglang.service", cgroup="/s")
BY_HAND = Process(78, ("python3",), executable="/usr/bin/python3.11", cgroup="/user.slice")
TABLE = ProcessTable((SERVER, WORKER, SGLANG, BY_HAND), ())


def gpu(
    index: int, total: float = 24, free: float = 24, held: Mapping[int, float | None] | None = None
) -> NvmlGpu:
    """A GPU of so many GiB; `held`: process -> GiB."""
    return NvmlGpu(
        index,
        "NVIDIA Stub 3090",
        f"GPU-{index}",
        compute_capability=(8, 6),
        total_bytes=int(total * GIB),
        free_bytes=int(free * GIB),
        processes=tuple(
            NvmlProcess(pid, None if amount is None else int(amount * GIB))
            for pid, amount in (held or {}).items()
        ),
    )


def room(
    *gpus: NvmlGpu,
    split: Sequence[float] = (),
    variables: Mapping[str, str] | None = None,
    process: Process | None = SERVER,
    machine: Machine | None = None,
    table: ProcessTable = TABLE,
    **state: Any,
) -> MemoryRoom:
    """The room as the gatherer sees it."""
    setting = Setting("model", "gpu_split", list(split), Origin("default", "default"))
    config = EffectiveConfig("/srv/tabby", {("model", "gpu_split"): setting})
    instance = Instance("/srv/tabby", environment=variables or {}, process=process)
    driver = Driver(NvmlState(gpus=gpus, **state))
    return memory_room(driver, instance, config, machine or Machine(systemd=True), table)


def test_one_gpu() -> None:
    found = room(gpu(0, 24, 3, {77: 20}))
    assert (found.total, found.free, found.own) == (24 * GIB, 3 * GIB, 0)
    assert found.holders == (MemoryHolder(0, 77, "python3", 20 * GIB, "sglang.service"),)
    assert found.where == "GPU 0"


def test_what_tabbyapi_holds_itself_is_free() -> None:
    found = room(gpu(0, 24, 1, {42: 12, 43: 4, 78: 6}))
    assert (found.free, found.own) == (17 * GIB, 16 * GIB)
    assert found.holders == (MemoryHolder(0, 78, "python3.11", 6 * GIB),)
    assert room(gpu(0, 24, 1, {42: None})).own is None


def test_a_holder_in_a_container() -> None:
    inside = Process(80, ("python3",), cgroup=f"/system.slice/docker-{'4b1d' * 16}.scope")
    found = room(gpu(0, 24, 1, {80: 9}), table=ProcessTable((inside,), ()))
    assert [one.container for one in found.holders] == ["docker 4b1d4b1d4b1d"]


def test_holders_by_what_they_hold() -> None:
    found = room(gpu(0, 24, 1, {78: 2, 999: 1, 5: None}), gpu(1, 24, 1, {77: 9}))
    assert [(one.gpu, one.pid, one.name) for one in found.holders] == [
        (1, 77, "python3"),
        (0, 78, "python3.11"),
        (0, 999, None),
        (0, 5, None),
    ]


def test_numbers_mean_nothing_inside_a_container() -> None:
    inside = Machine(systemd=False, container="docker")
    found = room(gpu(0, 24, 1, {77: 9}), machine=inside)
    assert found.holders == (MemoryHolder(0, 77, None, 9 * GIB),)


def test_the_gpus_that_tabbyapi_sees() -> None:
    both = gpu(0, 24, 20), gpu(1, 24, 10)
    assert room(*both).free == 30 * GIB
    assert room(*both).where == "GPUs 0, 1"
    assert room(*both, variables={"CUDA_VISIBLE_DEVICES": "1"}).free == 10 * GIB
    assert room(*both, variables={"CUDA_VISIBLE_DEVICES": "GPU-0"}).free == 20 * GIB
    with pytest.raises(Absent, match="sees no GPU"):
        room(*both, variables={"CUDA_VISIBLE_DEVICES": "-1"})


def test_numbers_that_may_mean_another_gpu() -> None:
    other = replace(gpu(1, 12), name="NVIDIA Stub 4070")
    for one in ({"variables": {"CUDA_VISIBLE_DEVICES": "0"}}, {"split": [4, 4]}):
        with pytest.raises(Unknown, match="CUDA_DEVICE_ORDER"):
            room(gpu(0), other, **one)
    assert room(gpu(0), other).total == 36 * GIB
    assert room(gpu(0), other, variables={"CUDA_VISIBLE_DEVICES": "1,0"}).total == 36 * GIB


@pytest.mark.parametrize(
    ("split", "total"),
    [([], 72), ([10, 4, 8], 25), ([0, 4], 5), ([40, 40, 40], 72), ([20], 21)],
)
def test_a_split_leaves_each_gpu_its_share_and_a_context(split: list[float], total: int) -> None:
    assert room(gpu(0), gpu(1), gpu(2), split=split).total == total * GIB


@pytest.mark.parametrize("split", [[0, 0], [-1, 0], [float("nan")], [0, float("-inf")]])
def test_a_split_that_leaves_nothing(split: list[float]) -> None:
    with pytest.raises(Unknown, match="gpu_split leaves none"):
        room(gpu(0), gpu(1), split=split)


def test_a_single_gpu_has_no_split() -> None:
    assert room(gpu(0), split=[4]).total == 24 * GIB


def test_what_nvml_does_not_tell() -> None:
    with pytest.raises(Unknown, match="GPU 0"):
        room(replace(gpu(0), free_bytes=None))
    with pytest.raises(Unknown, match="GPU 1"):
        room(gpu(0), replace(gpu(1), error=15))
    with pytest.raises(Absent, match="NVML error 9"):
        room(error=9, error_text="Driver Not Loaded")


# What the automatic split keeps free.
@pytest.mark.parametrize(
    ("settings", "gpus", "kept"),
    [
        ({}, 1, [96]),
        ({"autosplit_reserve": [2048]}, 1, [96]),  # not asked with a single GPU
        ({}, 3, [96, 512, 512]),
        ({"autosplit_reserve": [1024, 256]}, 2, [1024, 256]),
        ({"autosplit_reserve": [1024]}, 2, [1024, 512]),
        ({"autosplit_reserve": [1024, 256], "gpu_split_auto": False}, 2, [96, 512]),
        ({"autosplit_reserve": [float("nan"), -1]}, 2, [0, 0]),
    ],
)
def test_what_the_split_keeps_free(settings: dict[str, Any], gpus: int, kept: list[int]) -> None:
    origin = Origin("default", "default")
    config = EffectiveConfig(
        "/srv/tabby",
        {("model", key): Setting("model", key, value, origin) for key, value in settings.items()},
    )
    assert [one >> 20 for one in reserves(config, gpus)] == kept


def test_each_gpu_by_itself() -> None:
    found = room(gpu(0, 24, 20), gpu(1, 12, 1, {42: 10}), split=[10, 4])
    assert [
        (one.total / GIB, one.free / GIB, one.own / GIB, one.reserve) for one in found.each
    ] == [
        (11, 11, 0, 0),
        (5, 5, 10, 0),
    ]
    assert not found.together
