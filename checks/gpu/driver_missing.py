"""There is no usable NVIDIA driver on this machine.

## What it checks
That the kernel module is loaded and that its user library `libnvidia-ml.so.1` can be.

## Why it matters
TabbyAPI loads models on NVIDIA GPUs only. Without the driver torch says "No CUDA runtime is
found" or "no CUDA-capable device", and the model does not load.

## How it is told
NVML, the library under `nvidia-smi`, is initialised. Where device nodes are missing that is
done without privileges, so that looking creates none. Where NVML refuses the doctor alone
(errors 4, 17 and 999), TabbyAPI's own log must say that CUDA finds no GPU, and nothing is said
where it has its model on one. The cause comes from `/sys/module`, the
PCI bus, the modules of the running kernel and the kernel log: nouveau, Secure Boot, a module
not built for this kernel, a library that is missing (on NixOS `/run/opengl-driver/lib`), WSL,
a container started without a GPU, or one that lost it (`systemctl daemon-reload` on the host).

## What to do
Follow the remedy of the named cause. Under WSL the driver belongs on Windows: never install a
Linux driver there. `nvidia-smi` shows the GPU when all is well.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Finding, Severity, Unknown, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.cuda_use import CudaUse
from tabbydoctor.gpu.driver import DeviceNodes, Driver
from tabbydoctor.gpu.kernel_log import KernelLog
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.records import replace

from .access_refused import lost_in
from .driver_cause import cause
from .driver_scene import LIBRARY_NOT_FOUND, NO_PERMISSION, REFUSED, UNKNOWN_ERROR, Scene

_DRIVER_NOT_LOADED = 9
_TOLD_BY_OTHERS = (15, 16, 18)  # a lost GPU, one to reset, a mismatch


@check("GPU001", "driver-missing", category="gpu", severity=Severity.ERROR)
def driver_missing(
    need: GpuNeed,
    instance: Instance,
    driver: Driver,
    machine: Machine,
    nodes: DeviceNodes,
    log: KernelLog | None,
    use: CudaUse | None = None,
) -> Iterator[Finding]:
    scene = Scene(driver, machine, nodes, log, use or CudaUse())
    ended = instance.contained is not None and instance.contained.ended is not None
    if driver.works and instance.container and scene.use.failure and not ended:
        box = instance.contained
        yield lost_in(instance.container, scene, *(box.restart if box else ()))
        return
    if driver.works or driver.nvml.error in _TOLD_BY_OTHERS or _only_the_doctor(scene):
        return
    if not _driver_is_at_fault(scene):
        raise Unknown(f"the module is loaded and NVML does not answer the doctor: {driver.problem}")
    if driver.module_live and "/dev/nvidiactl" not in nodes.nodes and _on_demand(driver, instance):
        raise Unknown("the device nodes do not exist yet; the first CUDA program creates them")
    found = cause(scene)
    if found is None:
        raise Unknown(f"the driver does not answer ({driver.problem}); run nvidia-smi")
    yield replace(found, severity=Severity.WARNING) if scene.use.works else found


def _only_the_doctor(scene: Scene) -> bool:
    """TabbyAPI has its model on the GPU: the doctor's own access, or its library, is the matter.
    Without a module it goes on from before, until its next start."""
    driver = scene.driver
    there = driver.module_live or scene.machine.wsl or driver.nvml.error in REFUSED
    return bool(scene.use.works) and there


def _driver_is_at_fault(scene: Scene) -> bool:
    """Not where the module is loaded and only the doctor's own access or a GPU is the matter:
    TabbyAPI's own log confirms what NVML says."""
    error, machine = scene.driver.nvml.error, scene.machine
    confirmed = bool(scene.use.failure) and (machine.root or error != NO_PERMISSION)
    return (
        error in (LIBRARY_NOT_FOUND, _DRIVER_NOT_LOADED)
        or (error == UNKNOWN_ERROR and machine.container is not None)
        or (error in REFUSED and confirmed)
        or not (scene.driver.module_live or machine.wsl)
    )


def _on_demand(driver: Driver, instance: Instance) -> bool:
    """Whether the service itself would have the nodes created: setuid nvidia-modprobe."""
    unit = instance.unit
    return (
        driver.nvml.error == _DRIVER_NOT_LOADED
        and driver.modprobe_setuid
        and not (unit is not None and unit.flag("NoNewPrivileges"))
    )
