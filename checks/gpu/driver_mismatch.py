"""The NVIDIA kernel module and the user libraries are of different versions.

## What it checks
That the loaded module and `libnvidia-ml.so` belong together.

## Why it matters
They work only in exactly the same version. After a driver upgrade the old module stays loaded
until it is reloaded, and every new CUDA program fails; a TabbyAPI that was already running may
go on until its next start.

## How it is told
NVML answers "RM has detected an NVML/RM version mismatch" (code 18), or it does not work and
`/sys/module/nvidia/version` differs from the version in the library's file name. A warning where
TabbyAPI still has its model on the GPU.

## What to do
Reboot, or stop everything that uses the GPU and reload the modules.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Machine
from tabbydoctor.gpu.cuda_use import CudaUse
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.need import GpuNeed

_MISMATCH = 18
_RELOAD = (
    "sudo modprobe -r nvidia_drm nvidia_modeset nvidia_uvm nvidia",
    "sudo modprobe nvidia",
    "sudo modprobe nvidia_uvm",
)


@check("GPU002", "driver-mismatch", category="gpu", severity=Severity.ERROR)
def driver_mismatch(
    need: GpuNeed, driver: Driver, machine: Machine, use: CudaUse | None = None
) -> Iterator[Finding]:
    module, library = driver.module_version, driver.library_version
    known = module is not None and library is not None
    if driver.nvml.error == _MISMATCH:
        differ = True
    else:
        differ = not driver.works and not machine.wsl and known and module != library
    if not differ:
        return
    versions = f" ({module} and {library})" if known and module != library else ""
    yield Finding(
        f"The NVIDIA kernel module and its library differ{versions}",
        "The driver was upgraded and the old module is still loaded: no new CUDA program can "
        "start, so TabbyAPI cannot load a model at its next start.",
        (
            Evidence("/sys/module/nvidia/version", expected=library, actual=module),
            Evidence("nvmlInit", actual=driver.problem),
        ),
        _remedies(machine),
        severity=Severity.WARNING if use and use.works else None,
    )


def _remedies(machine: Machine) -> tuple[Remedy, ...]:
    if machine.container:
        return (
            Remedy("On the host: recreate the container, so that it gets the host's libraries"),
        )
    return (
        Remedy("Reboot", Safety.UNSAFE, ("sudo systemctl reboot",)),
        Remedy(
            "Or stop all that uses the GPU (TabbyAPI, desktop, nvidia-persistenced) and reload "
            "the modules",
            Safety.UNSAFE,
            _RELOAD,
        ),
    )
