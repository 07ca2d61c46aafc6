"""Which GPU a number means to CUDA."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tabbydoctor.gpu.cuda_order import cuda_order
from tabbydoctor.host.data import NvmlState
from tests.gpu.test_memory_room import gpu

ALIKE = NvmlState(gpus=(gpu(0), gpu(1)))
OTHER = replace(gpu(1, 12), name="NVIDIA Stub 4070")
UNLIKE = NvmlState(gpus=(gpu(0), OTHER))
BY_BUS = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


@pytest.mark.parametrize(
    ("state", "environment", "indices"),
    [
        (ALIKE, {}, [0, 1]),
        (ALIKE, {"CUDA_VISIBLE_DEVICES": "1"}, [1]),
        (UNLIKE, {**BY_BUS, "CUDA_VISIBLE_DEVICES": "1,0"}, [1, 0]),
        (UNLIKE, {"CUDA_VISIBLE_DEVICES": "GPU-1"}, [1]),
        (NvmlState(gpus=(OTHER,)), {}, [1]),
    ],
)
def test_an_order_that_is_certain(
    state: NvmlState, environment: dict[str, str], indices: list[int]
) -> None:
    found = cuda_order(state, environment)
    assert found.certain
    assert [one.index for one in found.gpus] == indices
    assert found.variables == ()


def test_unlike_gpus_in_cudas_own_order() -> None:
    found = cuda_order(UNLIKE, {})
    assert not found.certain
    assert found.variables == (
        ("CUDA_DEVICE_ORDER", "PCI_BUS_ID"),
        ("CUDA_VISIBLE_DEVICES", "0,1"),
    )


def test_a_number_that_may_mean_either() -> None:
    sources = {"CUDA_VISIBLE_DEVICES": "/etc/systemd/system/tabbyapi.service:5"}
    found = cuda_order(UNLIKE, {"CUDA_VISIBLE_DEVICES": "0"}, sources)
    assert not found.certain
    assert [one.index for one in found.gpus] == [0, 1]
    assert found.variables[1] == ("CUDA_VISIBLE_DEVICES", "0")
    assert found.told_by == "/etc/systemd/system/tabbyapi.service:5"


def test_a_part_of_a_gpu() -> None:
    assert not cuda_order(ALIKE, {"CUDA_VISIBLE_DEVICES": "MIG-1"}).certain
