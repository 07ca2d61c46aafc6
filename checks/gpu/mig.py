"""A GPU is split by MIG, and leaves TabbyAPI no instance to compute on.

## What it checks
For each GPU TabbyAPI uses that is split by MIG: that there is an instance; and that the instances
`CUDA_VISIBLE_DEVICES` names exist.

## Why it matters
With MIG on, CUDA uses instances alone, never the whole GPU: without one, "No CUDA GPUs are
available", while nvidia-smi shows the GPU. Instances are gone after a reboot, and get other names
when they are made again.

## How it is told
By NVML. Where the instances may not be listed (not root), nothing is said of them. A warning where
TabbyAPI has other GPUs left.

## What to do
Make an instance, or switch MIG off for a GPU that is TabbyAPI's alone. Name the instance anew in
`CUDA_VISIBLE_DEVICES`: `nvidia-smi -L` lists them.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.drop_ins import DropIn
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.gpu.used import used_among
from tabbydoctor.gpu.visible import VARIABLE, named_instances, visible_gpus
from tabbydoctor.host.data import NvmlGpu
from tabbydoctor.tabbyapi.config import EffectiveConfig

from ..drop_in import by_drop_in

_BY_PLACE = "MIG-GPU-"
"""The older way to name an instance, by GPU and place: those are not compared."""


@check("GPU010", "mig", category="gpu", severity=Severity.ERROR, caused_by=("GPU001", "GPU002"))
def mig(
    need: GpuNeed,
    instance: Instance,
    machine: Machine,
    driver: Driver,
    config: EffectiveConfig | None,
) -> Iterator[Finding]:
    if not driver.works:
        raise Absent(f"the driver does not work: {driver.problem}")
    gpus = driver.nvml.gpus
    split = [gpu for gpu in gpus if gpu.condition.mig]
    there = [uuid for gpu in split for uuid in gpu.condition.mig_uuids or ()]
    named = named_instances(instance.environment)
    gone = [uuid for uuid in named if not uuid.startswith(_BY_PLACE) and uuid not in there]
    if gone and not any(gpu.error for gpu in gpus):
        yield _gone(gone[0], there, instance, machine)
    if named:
        return
    without = [gpu for gpu in split if not gpu.condition.mig_uuids]
    without = used_among(without, driver.nvml, instance, config)
    visible = visible_gpus(driver.nvml, instance.environment) or ()
    left = [gpu for gpu in visible if gpu not in without]
    for gpu in without:
        yield _empty(gpu, instance, Severity.WARNING if left else None)


def _empty(gpu: NvmlGpu, instance: Instance, severity: Severity | None) -> Finding:
    return Finding(
        f"GPU {gpu.index} ({gpu.name}) is split by MIG and has no instance",
        "CUDA uses instances alone while MIG is on: for TabbyAPI this GPU is not there.",
        (Evidence(f"nvidia-smi mig -lgi -i {gpu.index}", "an instance", "none"),),
        (
            Remedy(
                "Make one instance of the whole GPU; it is gone after a reboot",
                Safety.UNSAFE,
                (f"sudo nvidia-smi mig -i {gpu.index} -cgi 0 -C", *instance.restart),
            ),
            Remedy(
                "Or stop what uses the GPU and switch MIG off, for good",
                Safety.UNSAFE,
                (f"sudo nvidia-smi -i {gpu.index} -mig 0", *instance.restart),
            ),
        ),
        severity=severity,
    )


def _gone(uuid: str, there: list[str], instance: Instance, machine: Machine) -> Finding:
    where = instance.environment_sources.get(VARIABLE, f"environment of {instance.name}")
    return Finding(
        f"{VARIABLE} names the MIG instance {uuid}, which is not there",
        "CUDA shows TabbyAPI no GPU. Instances get other names when they are made again.",
        (Evidence(where, ", ".join(there) or "an instance that exists", uuid),),
        (_name(there, where, instance, machine),),
    )


def _name(there: list[str], where: str, instance: Instance, machine: Machine) -> Remedy:
    if len(there) != 1 or instance.unit is None:
        title = f"Make the instance, or name one that exists in {where}; then restart TabbyAPI"
        return Remedy(title, commands=("nvidia-smi -L",))
    setting = ("Environment", f"{VARIABLE}={there[0]}")
    title = f"Name the instance that there is in {instance.unit.name}"
    return by_drop_in(title, DropIn(instance.unit, "gpu-instance", (setting,)), machine)
