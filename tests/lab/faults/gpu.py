"""Faults of the driver, the GPU and its device nodes."""

from __future__ import annotations

from tests.lab.deployment import Deployment
from tests.lab.faults.fault import fault
from tests.lab.gpu import give_work

RESTRICTED = "video"
"""The group that alone may open the nodes in these faults."""


@fault("no driver", "GPU001")
def no_driver(d: Deployment) -> None:
    give_work(d)
    d.machine.run(["sh", "-c", "rm /usr/lib/x86_64-linux-gnu/libnvidia-ml.so* /dev/nvidia*"])


@fault("driver and library differ", "GPU002", doctor_env={"STUB_NVML_INIT": "18"})
def mismatch(d: Deployment) -> None:
    give_work(d)


@fault("no GPU", "GPU003", doctor_env={"STUB_NVML_COUNT": "0"})
def no_gpu(d: Deployment) -> None:
    give_work(d)


@fault("the GPU is lost", "GPU003", doctor_env={"STUB_NVML_HANDLE": "15"})
def lost(d: Deployment) -> None:
    give_work(d)


@fault("no uvm node", "GPU006")
def no_uvm(d: Deployment) -> None:
    give_work(d)
    d.machine.run(["rm", "/dev/nvidia-uvm"])


@fault("the nodes are for a group", "GRP001")
def nodes_denied(d: Deployment) -> None:
    give_work(d)
    restrict(d)


@fault("group joined after the start", "GRP002", when="running", healthy=give_work)
def group_late(d: Deployment) -> None:
    restrict(d)
    d.machine.run(["usermod", "--append", "--groups", RESTRICTED, d.user])


@fault("private devices", "GRP003")
def private_devices(d: Deployment) -> None:
    give_work(d)
    d.machine.dropin("tabbyapi.service", "[Service]\nPrivateDevices=yes\n")


def restrict(d: Deployment) -> None:
    """Nodes as some distributions make them: root:video 0660."""
    d.machine.run(["sh", "-c", f"chown root:{RESTRICTED} /dev/nvidia*; chmod 660 /dev/nvidia*"])
