"""Faults of the cards themselves: what NVML tells of their mode, memory and clocks."""

from __future__ import annotations

from tests.lab.deployment import Deployment
from tests.lab.faults.config import LOADS
from tests.lab.faults.cuda import ON_DEVICE, ends_with
from tests.lab.faults.fault import fault, set_unit, tabby_down
from tests.lab.gpu import give_work

A100 = "name=NVIDIA A100;cc=80;total=40960;free=40000;ecc=0;rows=0"
BUSY = "CUDA error: all CUDA-capable devices are busy or unavailable"
RTX = "name=NVIDIA GeForce RTX 3090;cc=86"


@fault(
    "MIG without an instance",
    "GPU010",
    doctor_env={"STUB_NVML_CARDS": f"{A100};mig=1"},
    stand_in=LOADS,
)
def mig_without(d: Deployment) -> None:
    give_work(d)


@fault(
    "a MIG instance that was named anew",
    "GPU010",
    doctor_env={"STUB_NVML_CARDS": f"{A100};mig=1;instances=1"},
    stand_in=LOADS,
)
def mig_gone(d: Deployment) -> None:
    give_work(d)
    set_unit(d, "Environment=CUDA_VISIBLE_DEVICES=MIG-5c1e0000-0000-0000-0000-000000000000")


@fault(
    "a GPU closed to programs",
    "GPU011",
    consequences=ON_DEVICE,
    answers=False,
    waits_for=tabby_down,
    doctor_env={"STUB_NVML_CARDS": f"{RTX};mode=2"},
    stand_in=LOADS,
)
def mode_prohibited(d: Deployment) -> None:
    give_work(d)
    ends_with(d, BUSY)


@fault(
    "another process has the GPU to itself",
    "GPU011",
    consequences=ON_DEVICE,
    answers=False,
    waits_for=tabby_down,
    doctor_env={"STUB_NVML_CARDS": f"{RTX};mode=3;pid=1"},
    stand_in=LOADS,
)
def mode_exclusive(d: Deployment) -> None:
    give_work(d)
    ends_with(d, BUSY)


@fault(
    "a GPU with memory errors",
    "GPU012",
    doctor_env={"STUB_NVML_CARDS": f"{A100};ecc=2;rows=1"},
    stand_in=LOADS,
)
def memory_errors(d: Deployment) -> None:
    give_work(d)


@fault(
    "a GPU slowed down by heat",
    "GPU013",
    doctor_env={"STUB_NVML_CARDS": f"{RTX};slowed=0x48;busy=97;temp=95"},
    stand_in=LOADS,
)
def heat(d: Deployment) -> None:
    give_work(d)
