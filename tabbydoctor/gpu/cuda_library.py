"""Where CUDA's driver library is, and whether TabbyAPI's linker looks there: ld.so(8).

`libcuda.so.1` comes with the driver, beside NVML's library and often in a package of its own, so
that nvidia-smi may work without it. torch asks the linker for it by that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.facts import Absent
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass

NAME = "libcuda.so.1"
_MACHINES = ("x86-64", "AArch64")
"""How ldconfig(8) marks the libraries of 64-bit programs."""
_STANDARD = (
    *("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu"),
    *("/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64"),
)
_FURTHER = (
    *("/run/opengl-driver/lib", "/usr/lib/wsl/lib"),
    *("/usr/lib/x86_64-linux-gnu/nvidia/current", "/usr/lib/nvidia", "/usr/lib64/nvidia"),
    *("/usr/local/nvidia/lib64", "/opt/nvidia/lib64"),
)
"""NixOS and WSL2; where distributions and container engines put the driver's libraries."""
_CACHED = re.compile(r"^\s*libcuda\.so\.1 \(([^)]*)\) => (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class CudaLibrary:
    """Where `libcuda.so.1` is."""

    found: tuple[str, ...] = ()
    """The files that the service's linker would take, the first of them first."""
    elsewhere: tuple[str, ...] = ()
    """Directories that hold one and are not searched."""
    distribution: str = ""
    """`ID=` of os-release(5), which names the package."""


def cuda_library(host: Host, need: GpuNeed, instance: Instance) -> CudaLibrary:
    """Look where the linker would. Raises Absent for a TabbyAPI in a container: that has another.

    LD_LIBRARY_PATH counts as the next start gets it.
    """
    if instance.container:
        raise Absent(f"TabbyAPI runs in the container {instance.container}: look inside it")
    searched = [path for path in _library_path(instance) if path.startswith("/")]
    found = [*_holding(host, searched), *_cached(host), *_holding(host, _STANDARD)]
    others = _holding(host, (path for path in _FURTHER if path not in searched))
    elsewhere = tuple(path.rpartition("/")[0] for path in others if path not in found)
    return CudaLibrary(tuple(dict.fromkeys(found)), elsewhere, _distribution(host))


def _library_path(instance: Instance) -> list[str]:
    return [part.rstrip("/") for part in instance.environment.get("LD_LIBRARY_PATH", "").split(":")]


def _cached(host: Host) -> Iterator[str]:
    """What the linker's cache names and is there: ldconfig(8), which may not be in the PATH."""
    for program in ("ldconfig", "/sbin/ldconfig"):
        shown = host.run((program, "-p"), timeout=5.0)
        if not shown.missing:
            for marks, path in _CACHED.findall(shown.stdout):
                if any(machine in marks for machine in _MACHINES) and _there(host, path):
                    yield path
            return


def _holding(host: Host, directories: Iterable[str]) -> Iterator[str]:
    for directory in directories:
        if _there(host, f"{directory}/{NAME}"):
            yield f"{directory}/{NAME}"


def _there(host: Host, path: str) -> bool:
    try:
        return host.status(path).is_file
    except OSError:
        return False


def _distribution(host: Host) -> str:
    try:
        text = host.read("/etc/os-release", 16 << 10).text()
    except OSError:
        return ""
    named = re.search(r"(?m)^ID=[\"']?([\w.-]+)", text)
    return named[1] if named else ""


GATHERERS = (cuda_library,)
