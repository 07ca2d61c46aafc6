"""The driver works, and CUDA's library libcuda.so.1 is not where TabbyAPI's linker looks.

## What it checks
That the dynamic linker, with the environment of the service, finds `libcuda.so.1`, and no stub of
it; in a container that was made with the driver's compute part; under WSL that it is the library of
Windows.

## Why it matters
nvidia-smi and NVML do not need this library, torch does: "Found no NVIDIA driver on your system",
and no model loads, while every other sign says that the driver is fine.

## How it is told
From `LD_LIBRARY_PATH` of the service, the linker's cache (`ldconfig -p`) and the standard
directories, in that order; 32-bit libraries do not count. Nothing is said where TabbyAPI has a
model on the GPU. On NixOS, whose programs are linked to their own places, TabbyAPI's log must say
so, too.

## What to do
Name the directory in `LD_LIBRARY_PATH` of the unit, or install the package that the library comes
in. A container is made anew with `NVIDIA_DRIVER_CAPABILITIES=compute,utility`.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.drop_ins import DropIn
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.cuda_library import NAME, CudaLibrary
from tabbydoctor.gpu.cuda_use import CudaUse
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.nixos.by_rebuild import by_rebuild

from ..drop_in import by_drop_in

_VARIABLE, _CAPABILITIES = "LD_LIBRARY_PATH", "NVIDIA_DRIVER_CAPABILITIES"
_OF_WINDOWS = "/usr/lib/wsl/"
_NO_LIBRARY = "no-libcuda"
_STUBS = "/stubs/"
_PACKAGES = {
    "debian": "sudo apt-get install libcuda1",
    "ubuntu": "sudo apt-get install libnvidia-compute-{branch}",
    "fedora": "sudo dnf install xorg-x11-drv-nvidia-cuda-libs",
    "arch": "sudo pacman -S nvidia-utils",
}


@check(
    "GPU014",
    "cuda-library",
    category="gpu",
    severity=Severity.ERROR,
    caused_by=("GPU001", "GPU002"),
)
def cuda_library(
    need: GpuNeed,
    instance: Instance,
    machine: Machine,
    driver: Driver,
    library: CudaLibrary,
    use: CudaUse | None,
) -> Iterator[Finding]:
    if not driver.works:
        raise Absent(f"the driver does not work: {driver.problem}")
    if use and use.works:
        return
    if machine.wsl and library.found:
        if not library.found[0].startswith(_OF_WINDOWS):
            yield _shadowed(library.found[0])
        return
    if library.found and _STUBS in library.found[0]:
        yield _stub(library.found[0], instance, machine)
        return
    failed = use is not None and use.failure == _NO_LIBRARY
    if library.found or (machine.nixos and not failed):
        return
    remedies = tuple(_remedies(instance, machine, driver, library))
    yield Finding(
        f"{NAME} is not where {instance.name} looks for libraries",
        "NVML works, and torch finds no driver: it needs this library, too.",
        (
            Evidence("ldconfig -p", f"{NAME} of 64 bits", "none"),
            _library_path(instance),
            *(Evidence(f"{directory}/{NAME}", actual="there") for directory in library.elsewhere),
            *([Evidence(use.source, actual=use.line)] if use and failed else []),
        ),
        remedies,
    )


def _stub(path: str, instance: Instance, machine: Machine) -> Finding:
    return Finding(
        f"{instance.name} finds a stub of {NAME} before the driver's",
        "The toolkit brings it for linking; it reaches no driver.",
        (_library_path(instance), Evidence(path, "a driver's library", "a stub of the toolkit")),
        (_without(path.rpartition("/")[0], instance, machine),),
    )


def _without(directory: str, instance: Instance, machine: Machine) -> Remedy:
    parts = instance.environment.get(_VARIABLE, "").split(":")
    rest = ":".join(part for part in parts if part and part.rstrip("/") != directory)
    title = f"Take {directory} out of {_VARIABLE}"
    if instance.unit is None:
        return Remedy(title)
    setting = ("Environment", f"{_VARIABLE}={rest}") if rest else ("UnsetEnvironment", _VARIABLE)
    return by_drop_in(title, DropIn(instance.unit, "cuda-library", (setting,)), machine)


def _library_path(instance: Instance) -> Evidence:
    where = instance.environment_sources.get(_VARIABLE, f"{_VARIABLE} of {instance.name}")
    return Evidence(where, f"a directory with {NAME}", instance.environment.get(_VARIABLE) or "-")


def _shadowed(path: str) -> Finding:
    return Finding(
        f"A Linux driver's {NAME} hides that of Windows",
        "Under WSL the driver is that of Windows; a Linux driver's library cannot reach it.",
        (Evidence("ldconfig -p", f"{_OF_WINDOWS}lib/{NAME} first", path),),
        (
            Remedy(
                "Remove the Linux driver's libraries, and on Windows run: wsl --shutdown",
                Safety.MANUAL,
                (f"dpkg -S {path}", "sudo apt-get purge '^libnvidia-compute-.*'", "sudo ldconfig"),
            ),
        ),
    )


def _remedies(
    instance: Instance, machine: Machine, driver: Driver, library: CudaLibrary
) -> Iterator[Remedy]:
    if machine.container:
        yield _capabilities(instance)
    elif library.elsewhere:
        yield _look_there(instance, machine, library.elsewhere[0])
    elif machine.nixos:
        yield by_rebuild("Install the driver's libraries", "hardware.graphics.enable = true;")
    elif machine.wsl:
        yield Remedy("On Windows: update the NVIDIA driver, then run: wsl --shutdown")
    else:
        version = driver.nvml.driver or driver.module_version or ""
        command = _PACKAGES.get(library.distribution, "")
        install = command.format(branch=version.partition(".")[0])
        yield Remedy(
            f"Install {NAME} of the driver {version}, from where the driver came, and restart",
            Safety.UNSAFE if install else Safety.MANUAL,
            (*((install,) if install else ()), *instance.restart),
        )


def _look_there(instance: Instance, machine: Machine, directory: str) -> Remedy:
    before = instance.environment.get(_VARIABLE, "").strip(":")
    value = f"{directory}:{before}" if before else directory
    title = f"Let {instance.name} look in {directory}"
    if instance.unit is None:
        return Remedy(f"{title}: start it with {_VARIABLE}={value}")
    if machine.wsl:
        cache = f"echo {directory} | sudo tee /etc/ld.so.conf.d/ld.wsl.conf"
        return Remedy(title, Safety.UNSAFE, (cache, "sudo ldconfig", *instance.restart))
    setting = ("Environment", f"{_VARIABLE}={value}")
    return by_drop_in(title, DropIn(instance.unit, "cuda-library", (setting,)), machine)


def _capabilities(instance: Instance) -> Remedy:
    given = instance.environment.get(_CAPABILITIES)
    now = f" (it has {given})" if given else ""
    return Remedy(f"On the host: make the container anew with {_CAPABILITIES}=compute,utility{now}")
