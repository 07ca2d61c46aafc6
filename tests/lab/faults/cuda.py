"""Faults between TabbyAPI and the driver: NVML works, or refuses, and CUDA does not begin."""

from __future__ import annotations

from tests.lab.deployment import Deployment
from tests.lab.faults.config import DOWN, LOADS
from tests.lab.faults.fault import fault, set_unit, tabby_down
from tests.lab.gpu import CUDA, give_work

ON_DEVICE = {*DOWN, "SVC011"}
LOADS_CUDA = """\
import ctypes, sys
try:
    ctypes.CDLL("libcuda.so.1")
except OSError:
    sys.exit("RuntimeError: Found no NVIDIA driver on your system.")
"""
"""As torch finds its driver: it asks the linker for it."""


def ends_with(d: Deployment, error: str) -> None:
    """TabbyAPI ends as it loads its model, with that error of torch's."""
    d.machine.write(d.directory / "main.py", f'import sys\nsys.exit("RuntimeError: {error}")\n')


@fault(
    "libcuda where the service does not look",
    "GPU014",
    consequences=ON_DEVICE,
    answers=False,
    waits_for=tabby_down,
    stand_in=LOADS,
)
def libcuda_elsewhere(d: Deployment) -> None:
    """It ends as torch does, where its own linker does not find the library."""
    give_work(d)
    moved = f"mkdir -p /opt/nvidia/lib64 && mv {CUDA} /opt/nvidia/lib64/ && ldconfig"
    d.machine.run(["sh", "-c", moved])
    main = d.machine.read(d.directory / "main.py")
    d.machine.write(d.directory / "main.py", f"{LOADS_CUDA}{main}")


@fault(
    "nvidia_uvm is stuck after a suspend",
    "GPU006",
    consequences=ON_DEVICE,
    answers=False,
    waits_for=tabby_down,
    stand_in=LOADS,
)
def uvm_stuck(d: Deployment) -> None:
    give_work(d)
    ends_with(d, "CUDA unknown error - this may be due to an incorrectly set up environment")


@fault(
    "a driver that answers nobody",
    "GPU001",
    consequences=ON_DEVICE,
    answers=False,
    waits_for=tabby_down,
    doctor_env={"STUB_NVML_INIT": "999"},
    stand_in=LOADS,
)
def answers_nobody(d: Deployment) -> None:
    give_work(d)
    ends_with(d, "No CUDA GPUs are available")


@fault(
    "a GPU named behind one that is not there",
    "GPU003",
    doctor_env={"STUB_NVML_COUNT": "2"},
    stand_in=LOADS,
)
def cut_off(d: Deployment) -> None:
    give_work(d)
    set_unit(d, "Environment=CUDA_VISIBLE_DEVICES=0,7,1")
