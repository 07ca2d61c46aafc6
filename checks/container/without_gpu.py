"""TabbyAPI needs a GPU, and its container was made without one.

## What it checks
Where a model is configured, or torch is in TabbyAPI's environment: whether a GPU was asked for as
the container was made, and whether its nodes are in it.

## Why it matters
torch finds no CUDA device in it: TabbyAPI ends as it loads its model.

## How it is told
By the engine's record of the container (device requests, devices, the nvidia runtime), and by
`/dev/nvidia*` in it. A container that had its GPU and lost it still has the nodes: GPU001 tells
of that.

## What to do
Ask for it: `gpus: all` in the service (or `deploy.resources.reservations.devices`),
`docker run --gpus all`, `AddDevice=nvidia.com/gpu=all` in a quadlet. The NVIDIA Container Toolkit
must be there.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Severity, Unknown, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.tabbyapi.contained_files import ContainedFiles

from . import box_of, made_anew

_ASKED = {
    "docker": "`gpus: all` in its service, or `docker run --gpus all`",
    "podman": "`--device nvidia.com/gpu=all`, in a quadlet `AddDevice=nvidia.com/gpu=all`",
}


@check(
    "CTR005",
    "container-without-gpu",
    category="container",
    severity=Severity.ERROR,
)
def without_gpu(need: GpuNeed, files: ContainedFiles, instance: Instance) -> Iterator[Finding]:
    box = box_of(instance)
    if files.nodes is None:
        raise Unknown(f"the devices of {box.label} are seen by root (use sudo)")
    if files.nodes or box.gpu:
        return
    how = _ASKED.get(box.engine, "a GPU of its engine")
    yield Finding(
        f"{box.label} was made without a GPU, and TabbyAPI needs one: {need.reason}",
        "There is no /dev/nvidia* in it: torch finds no CUDA device.",
        (Evidence(f"{box.root}/dev", "nvidia0, nvidiactl, nvidia-uvm", "none of them"),),
        (made_anew(f"Ask for it: {how}", box),),
    )
