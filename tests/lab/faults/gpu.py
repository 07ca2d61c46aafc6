"""Faults of the driver, the GPU and its device nodes."""

from __future__ import annotations

import json

from tests.lab.deployment import Deployment
from tests.lab.faults.config import DOWN, LOADS
from tests.lab.faults.fault import (
    edit,
    fault,
    given_up,
    set_unit,
    settled,
    tabby_down,
    write_config,
)
from tests.lab.gpu import MODEL, give_model, give_work, kernel_says, site_packages

RESTRICTED = "video"
"""The group that alone may open the nodes in these faults."""
OFF_THE_BUS = "NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus."
FIRMWARE = "NVRM: Xid (PCI:0000:01:00): 119, pid=1, name=python, Timeout after 6s of waiting"


OUT_OF_MEMORY = """\
import sys
sys.exit("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.12 GiB.")
"""
"""As TabbyAPI ends when it loads a model that does not fit."""
ON_MEMORY = {*DOWN, "SVC011"}


@fault("no driver", "GPU001", stand_in=LOADS)
def no_driver(d: Deployment) -> None:
    give_work(d)
    d.machine.run(["sh", "-c", "rm /usr/lib/x86_64-linux-gnu/libnvidia-ml.so* /dev/nvidia*"])


@fault("driver and library differ", "GPU002", doctor_env={"STUB_NVML_INIT": "18"}, stand_in=LOADS)
def mismatch(d: Deployment) -> None:
    give_work(d)


@fault("no GPU", "GPU003", doctor_env={"STUB_NVML_COUNT": "0"}, stand_in=LOADS)
def no_gpu(d: Deployment) -> None:
    give_work(d)


@fault("the GPU is lost", "GPU003", doctor_env={"STUB_NVML_HANDLE": "15"}, stand_in=LOADS)
def lost(d: Deployment) -> None:
    give_work(d)


@fault("no GPU is visible to the unit", "GPU003", stand_in=LOADS)
def invisible(d: Deployment) -> None:
    give_work(d)
    set_unit(d, "Environment=CUDA_VISIBLE_DEVICES=-1")


@fault(
    "a driver too old for CUDA 12",
    "GPU004",
    doctor_env={"STUB_NVML_DRIVER": "470.256.02"},
    stand_in=LOADS,
)
def driver_old(d: Deployment) -> None:
    give_work(d)


@fault(
    "a driver older than torch's CUDA",
    "GPU004",
    doctor_env={"STUB_NVML_DRIVER": "535.183.01"},
    stand_in=LOADS,
)
def driver_older(d: Deployment) -> None:
    give_work(d)


@fault("a GPU that is too old", "GPU005", doctor_env={"STUB_NVML_CC": "75"}, stand_in=LOADS)
def capability(d: Deployment) -> None:
    give_work(d)


@fault("no uvm node", "GPU006", stand_in=LOADS)
def no_uvm(d: Deployment) -> None:
    give_work(d)
    d.machine.run(["rm", "/dev/nvidia-uvm"])


@fault("the GPU fell off the bus", "GPU007", when="running", healthy=give_work, stand_in=LOADS)
def xid(d: Deployment) -> None:
    settled(d)
    kernel_says(d, OFF_THE_BUS)


@fault(
    "the GPU's firmware stood still", "GPU007", when="running", healthy=give_work, stand_in=LOADS
)
def firmware(d: Deployment) -> None:
    settled(d)
    kernel_says(d, *[FIRMWARE] * 3)


@fault(
    "a model larger than the GPU",
    "GPU008",
    consequences=ON_MEMORY,
    answers=False,
    waits_for=tabby_down,
    stand_in=LOADS,
)
def too_large(d: Deployment) -> None:
    give_work(d)
    give_model(d, gib=30)
    d.machine.write(d.directory / "main.py", OUT_OF_MEMORY)


@fault(
    "a cache larger than the GPU",
    "GPU008",
    consequences=ON_MEMORY,
    answers=False,
    waits_for=tabby_down,
    stand_in=LOADS,
)
def cache_too_large(d: Deployment) -> None:
    give_work(d)
    text = d.machine.read(d.config)
    write_config(d, text.replace("tiny-exl3", "tiny-exl3\n  max_seq_len: 262144"))
    d.machine.write(d.directory / "main.py", OUT_OF_MEMORY)


@fault(
    "a context that is not set, larger than the GPU",
    "GPU008",
    consequences=ON_MEMORY,
    answers=False,
    waits_for=tabby_down,
    stand_in=LOADS,
)
def context_not_set(d: Deployment) -> None:
    """All that the model can take, by default: 32 GiB."""
    give_work(d)
    about = d.directory / "models/tiny-exl3/config.json"
    longest = {**MODEL, "max_position_embeddings": 262144}
    d.machine.write(about, json.dumps(longest), owner=f"{d.user}:{d.user}")
    d.machine.write(d.directory / "main.py", OUT_OF_MEMORY)


@fault(
    "another process fills the GPU",
    "GPU008",
    consequences=ON_MEMORY,
    answers=False,
    waits_for=given_up,
    doctor_env={"STUB_NVML_FREE_MIB": "500", "STUB_NVML_PID": "1"},
    stand_in=LOADS,
)
def gpu_full(d: Deployment) -> None:
    give_work(d)
    d.machine.write(d.directory / "main.py", OUT_OF_MEMORY)


@fault("an exllamav3 older than TabbyAPI accepts", "GPU009", stand_in=LOADS)
def old_exllamav3(d: Deployment) -> None:
    give_work(d)
    source = 'check_package_version("exllamav3", "1.5.0")\n'
    d.machine.write(d.directory / "backends/exllamav3/model.py", source)


@fault("a torch for the CPU", "GPU009", stand_in=LOADS)
def cpu_torch(d: Deployment) -> None:
    give_work(d)
    version = "__version__ = '2.9.0+cpu'\ncuda = None\n"
    d.machine.write(f"{site_packages(d)}/torch/version.py", version)


@fault("exllamav3 for another torch", "GPU009", stand_in=LOADS)
def wheel_mismatch(d: Deployment) -> None:
    give_work(d)
    info = f"{site_packages(d)}/exllamav3-1.4.1+cu128.torch2.9.0.dist-info"
    d.machine.run(["mv", info, info.replace("torch2.9.0", "torch2.7.0")])


@fault("no exllamav3", "GPU009", stand_in=LOADS)
def no_exllamav3(d: Deployment) -> None:
    give_work(d)
    d.machine.remove(f"{site_packages(d)}/exllamav3-1.4.1+cu128.torch2.9.0.dist-info")


@fault("Group= in place of the group of the nodes", "GRP001", fix=("GRP001",), stand_in=LOADS)
def group_replaced(d: Deployment) -> None:
    """The nodes are for the account's own group, which the unit's takes the place of."""
    give_work(d)
    restrict(d, d.user)
    set_unit(d, f"Group={RESTRICTED}")


@fault("an exllamav3 with a known bug", "GPU020", stand_in=LOADS)
def buggy_exllamav3(d: Deployment) -> None:
    give_work(d)
    info = f"{site_packages(d)}/exllamav3-1.4.1+cu128.torch2.9.0.dist-info"
    d.machine.run(["mv", info, info.replace("1.4.1", "0.0.23")])
    d.machine.write(d.directory / "backends/exllamav3/model.py", "")
    edit(d, "model_name: tiny-exl3", "model_name: tiny-exl3\n  tensor_parallel: true")


@fault("no compiler for Triton", "GPU021", remark=True, stand_in=LOADS)
def triton_without_compiler(d: Deployment) -> None:
    give_work(d)
    metadata = "Metadata-Version: 2.1\nName: triton\nVersion: 3.5.1\n"
    d.machine.write(f"{site_packages(d)}/triton-3.5.1.dist-info/METADATA", metadata)
    set_unit(d, "Environment=PATH=/opt/without-a-compiler")


@fault("the nodes are for a group", "GRP001", fix=("GRP001",), stand_in=LOADS)
def nodes_denied(d: Deployment) -> None:
    give_work(d)
    restrict(d)


@fault(
    "group joined after the start",
    "GRP002",
    when="running",
    healthy=give_work,
    fix=("GRP002",),
    stand_in=LOADS,
)
def group_late(d: Deployment) -> None:
    restrict(d)
    d.machine.run(["usermod", "--append", "--groups", RESTRICTED, d.user])


@fault("private devices", "GRP003", fix=("GRP003",), stand_in=LOADS)
def private_devices(d: Deployment) -> None:
    give_work(d)
    set_unit(d, "PrivateDevices=yes")


@fault("a device policy without the GPU", "GRP003", fix=("GRP003",), stand_in=LOADS)
def device_policy(d: Deployment) -> None:
    give_work(d)
    set_unit(d, "DevicePolicy=closed")


def restrict(d: Deployment, group: str = RESTRICTED) -> None:
    """Nodes as some distributions make them: root:video 0660."""
    d.machine.run(["sh", "-c", f"chown root:{group} /dev/nvidia*; chmod 660 /dev/nvidia*"])
