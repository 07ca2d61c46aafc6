"""The NVIDIA driver is older than the CUDA of TabbyAPI's torch.

## What it checks
The driver's version against the CUDA release TabbyAPI's torch was built for.

## Why it matters
Below the floor of a CUDA generation nothing runs: "the NVIDIA driver on your system is too
old". Between the floor and the release's own driver most things run; what needs the newer
driver's compiler or features does not.

## How it is told
torch's `version.py` names its CUDA; nothing is imported. Floors by NVIDIA: CUDA 11 needs
450.80.02, CUDA 12 needs 525.60.13, CUDA 13 needs 580.65.06.

## What to do
Upgrade the driver, or install TabbyAPI's extra for the older CUDA (`cu12` instead of `cu13`).
CUDA 13 has dropped Maxwell, Pascal and Volta.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Safety, Severity, Unknown, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.documents import whole_number
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.gpu.torch import PythonEnvironment

# NVIDIA CUDA compatibility: the generation's floor, and each toolkit's own driver.
_FLOOR = {11: "450.80.02", 12: "525.60.13", 13: "580.65.06"}
_TOOLKIT = {
    (11, 8): "520.61.05",
    (12, 0): "525.60.13",
    (12, 1): "530.30.02",
    (12, 2): "535.54.03",
    (12, 3): "545.23.06",
    (12, 4): "550.54.14",
    (12, 5): "555.42.02",
    (12, 6): "560.28.03",
    (12, 8): "570.26",
    (12, 9): "575.51.03",
    (13, 0): "580.65.06",
    (13, 1): "590.44.01",
    (13, 2): "595.45.04",
}


@check(
    "GPU004",
    "driver-too-old",
    category="gpu",
    severity=Severity.ERROR,
    caused_by=("GPU001", "GPU002"),
)
def driver_too_old(
    need: GpuNeed,
    instance: Instance,
    driver: Driver,
    machine: Machine,
    environment: PythonEnvironment,
) -> Iterator[Finding]:
    torch, version = environment.torch, driver.nvml.driver or driver.module_version
    if torch is None or torch.cuda is None:
        raise Absent("TabbyAPI's environment has no torch built for CUDA")
    if version is None:
        raise Absent("the driver's version is not known")
    cuda = _numbers(torch.cuda)[:2]
    floor = _FLOOR.get(cuda[0])
    if floor is None:
        raise Unknown(f"the driver that CUDA {torch.cuda} needs is not known to this tabbydoctor")
    own = _own_driver(cuda)
    if _numbers(version) >= _numbers(own or floor):
        return
    if "compat" in instance.environment.get("LD_LIBRARY_PATH", ""):
        raise Unknown("a CUDA forward compatibility package may make up for the older driver")
    below_floor = _numbers(version) < _numbers(floor)
    needed = floor if below_floor else own
    yield Finding(
        f"The NVIDIA driver {version} is too old for CUDA {torch.cuda} of TabbyAPI's torch"
        if below_floor
        else f"The NVIDIA driver {version} is older than CUDA {torch.cuda}, which torch uses",
        "CUDA does not start with this driver."
        if below_floor
        else "It runs by minor-version compatibility: kernels compiled at run time and new "
        "features may fail.",
        (
            Evidence("NVIDIA driver", f"{needed} or newer", version),
            Evidence(torch.path, actual=f"torch {torch.version}"),
        ),
        tuple(_remedies(machine, str(needed), cuda)),
        severity=None if below_floor else Severity.WARNING,
    )


def _own_driver(cuda: tuple[int, ...]) -> str | None:
    """The driver released with this toolkit, or with the nearest older one of its generation."""
    known = [release for release in _TOOLKIT if release[0] == cuda[0] and release <= cuda]
    return _TOOLKIT[max(known)] if known else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(
        number for part in version.split(".") if (number := whole_number(part)) is not None
    )


def _remedies(machine: Machine, needed: str, cuda: tuple[int, ...]) -> Iterator[Remedy]:
    where = "On Windows: upgrade" if machine.wsl else "Upgrade"
    yield Remedy(f"{where} the NVIDIA driver to {needed} or newer, and reboot", Safety.MANUAL)
    if cuda[0] == 13:
        yield Remedy("Or install TabbyAPI's extra for CUDA 12 in its environment: cu12")
