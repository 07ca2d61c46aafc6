"""A GPU TabbyAPI uses is not one its backend can compute on.

## What it checks
The compute capability of every GPU TabbyAPI uses, and that torch is not built for ROCm, as far
as the installed version asks for it.

## Why it matters
Since July 2026 TabbyAPI loads models with exllamav3 only, which needs compute capability 8.0
(Ampere) on every GPU used, and knows no ROCm. Older cards end in "no kernel image".

## How it is told
NVML names the capability; `CUDA_VISIBLE_DEVICES` says which GPUs are used, and a share of 0 in
`model.gpu_split` leaves one out. An installed version that still loads exl2 models is not judged.

## What to do
Keep the older card out with `CUDA_VISIBLE_DEVICES` (and `CUDA_DEVICE_ORDER=PCI_BUS_ID`), use a
newer one, or stay on a TabbyAPI from before July 2026 with exl2 models.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Severity, Unknown, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.need import why_gpu
from tabbydoctor.gpu.torch import PythonEnvironment, TorchBuild
from tabbydoctor.gpu.used import used_among
from tabbydoctor.gpu.visible import VARIABLE
from tabbydoctor.host.data import NvmlGpu
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.installation import Installation

_NEEDED = (8, 0)


@check("GPU005", "compute-capability", category="gpu", severity=Severity.ERROR)
def compute_capability(
    instance: Instance,
    driver: Driver | None,
    config: EffectiveConfig | None,
    environment: PythonEnvironment | None,
    installation: Installation | None,
) -> Iterator[Finding]:
    why_gpu(instance, config, environment)
    torch = environment.torch if environment else None
    rocm = torch if torch and torch.hip else None
    if rocm and installation and installation.loads_exl2:
        yield _on_rocm(rocm)
    below = [] if rocm else _below(_working(driver), instance, config)
    if not (rocm or below) or (installation and installation.loads_exl2):
        return
    if installation is None or installation.loads_exl2 is None:
        raise Unknown("whether the installed TabbyAPI still loads exl2 models cannot be told")
    if rocm:
        yield _rocm(rocm)
    yield from (_too_old(gpu) for gpu in below)


def _working(driver: Driver | None) -> Driver:
    """A driver that answers. Raises Absent where there is none."""
    if driver is None or not driver.works:
        raise Absent(f"the driver does not work: {driver.problem if driver else 'it is absent'}")
    return driver


def _below(driver: Driver, instance: Instance, config: EffectiveConfig | None) -> list[NvmlGpu]:
    """The used GPUs below the need. Raises Unknown where it cannot be told which are used."""
    old = [gpu for gpu in driver.nvml.gpus if (gpu.compute_capability or _NEEDED) < _NEEDED]
    return used_among(old, driver.nvml, instance, config)


def _too_old(gpu: NvmlGpu) -> Finding:
    major, minor = gpu.compute_capability or (0, 0)
    return Finding(
        f"GPU {gpu.index} ({gpu.name}) has compute capability {major}.{minor}, below 8.0",
        "The installed TabbyAPI loads models with exllamav3 only, which needs 8.0 or newer.",
        (Evidence(f"NVML, GPU {gpu.index}", "8.0 or newer", f"{major}.{minor}"),),
        (
            Remedy(
                f"Leave GPU {gpu.index} out: set CUDA_DEVICE_ORDER=PCI_BUS_ID and {VARIABLE} to "
                "the other GPUs in TabbyAPI's unit; without another GPU use a newer card"
            ),
        ),
    )


def _on_rocm(torch: TorchBuild) -> Finding:
    """TabbyAPI 354: every answer was gibberish, and the same model was fine on an NVIDIA card."""
    return Finding(
        "torch is built for ROCm: exllamav2 runs there, with answers of its own at times",
        "Where answers are gibberish, that build of exllama is the first suspect, not TabbyAPI. No "
        "TabbyAPI since July 2026 runs on ROCm.",
        (Evidence(torch.path, None, f"torch {torch.version}, ROCm {torch.hip}"),),
        (
            Remedy(
                "Where answers are wrong, try another release of exllamav2 for this ROCm, or the "
                "same model on an NVIDIA GPU"
            ),
        ),
        severity=Severity.INFO,
    )


def _rocm(torch: TorchBuild) -> Finding:
    return Finding(
        "torch is built for ROCm, which the installed TabbyAPI cannot use",
        "It loads models with exllamav3 only, which needs CUDA and an NVIDIA GPU.",
        (Evidence(torch.path, "a CUDA build", f"torch {torch.version}, ROCm {torch.hip}"),),
        (Remedy("Use an NVIDIA GPU, or a TabbyAPI from before July 2026 with exl2 models"),),
    )
