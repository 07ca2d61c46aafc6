"""The control group of TabbyAPI's container no longer lets it open the NVIDIA nodes it has.

## What it checks
Under cgroup v1: whether the device rules of the container (`devices.list`) allow the number of the
NVIDIA driver, 195, and that of `nvidia-uvm`, where the nodes are in it.

## Why it matters
NVML says "Unknown Error" (999) inside, and torch finds no CUDA device. `systemctl daemon-reload`
does that to running containers whose engine leaves the rules to systemd: it writes them anew
without what the engine or its NVIDIA hook had added.

## How it is told
From `/proc/PID/cgroup` and the list that it leads to. Under cgroup v2 the rules are a BPF program,
which cannot be read back: it is skipped, and GPU001 tells it by TabbyAPI's log. What TabbyAPI has
open already it keeps until it ends: then this is a warning.

## What to do
Restart the container. So that it stays: pass the nodes by name (`--device`, CDI), or let Docker use
cgroupfs.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.device_rules import DeviceRules
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.gpu.cuda_use import CudaUse
from tabbydoctor.gpu.driver import NVIDIA_MAJOR, DeviceNodes
from tabbydoctor.tabbyapi.contained_files import ContainedFiles

from . import box_of, made_anew

_LASTING = (
    "So that it stays: pass the nodes by name (--device /dev/nvidia0, or CDI: nvidia.com/gpu=all), "
    'or let Docker use cgroupfs ("exec-opts": ["native.cgroupdriver=cgroupfs"] in '
    "/etc/docker/daemon.json)"
)


@check("CTR019", "container-device-rules", category="container", severity=Severity.ERROR)
def device_rules(
    instance: Instance,
    rules: DeviceRules,
    files: ContainedFiles,
    nodes: DeviceNodes,
    use: CudaUse | None,
) -> Iterator[Finding]:
    box = box_of(instance)
    if not files.nodes:
        return
    wanted = {"nvidia": NVIDIA_MAJOR}
    uvm = nodes.majors.get("nvidia-uvm")
    if uvm is not None and "nvidia-uvm" in files.nodes:
        wanted["nvidia-uvm"] = uvm
    closed = {name: major for name, major in wanted.items() if not rules.opens(major)}
    if not closed:
        return
    numbers = ", ".join(f"c {major}:* rw" for major in closed.values())
    again = Remedy("Restart it: its rules are made with it", Safety.MANUAL, box.restart)
    yield Finding(
        f"The control group of {box.label} keeps it from the nodes of {' and '.join(closed)}",
        "They are in it and may not be opened, as after `systemctl daemon-reload` on this machine.",
        (Evidence(rules.source, numbers, "no such rule"),),
        (again, made_anew(_LASTING, box)),
        severity=Severity.WARNING if use and use.works else None,
    )
