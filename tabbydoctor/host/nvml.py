"""What the NVIDIA Management Library tells, without a trace left on the machine.

nvmlInit is not a pure question: as root it creates missing device nodes, and as anyone it
may start the setuid nvidia-modprobe, which loads modules. Where nodes are missing it is
therefore asked in a child that gave up every privilege first.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tabbydoctor.host.data import NvmlState
from tabbydoctor.host.nvml_gpu import or_none, read_gpu
from tabbydoctor.invocation import own_imports

LIBRARY = "libnvidia-ml.so.1"
# Where the dynamic linker does not look by itself: NixOS, WSL2.
FURTHER_DIRECTORIES = ("/run/opengl-driver/lib", "/usr/lib/wsl/lib")

_LIBRARY_NOT_FOUND = 12
_PR_SET_NO_NEW_PRIVS = 38  # prctl(2)
_CHILD_SECONDS = 15.0
_DRIVER_NODE = re.compile(r"nvidia\d+")


def read() -> NvmlState:
    """NVML's view of this machine, every device node left as it is."""
    return read_nvml(nodes_present())


def nodes_present(devices: str = "/dev", driver: str = "/proc/driver/nvidia") -> bool:
    """Whether the control node and one node for each GPU the driver knows are there."""
    names = _names(devices)
    gpu_nodes = [name for name in names if _DRIVER_NODE.fullmatch(name)]
    return "nvidiactl" in names and len(gpu_nodes) >= len(_names(f"{driver}/gpus"))


def read_nvml(nodes_present: bool, timeout: float = _CHILD_SECONDS) -> NvmlState:
    """Ask NVML: here where all nodes exist, else in a child without privileges.

    The child may take `timeout` seconds; `not_tried` says so where it brought no answer.
    """
    return ask() if nodes_present else _ask_without_privileges(timeout)


def ask() -> NvmlState:
    """Initialise NVML in this process, read everything, shut it down."""
    import pynvml

    load_error = _initialise_or_why_not(pynvml)
    if isinstance(load_error, NvmlState):
        return load_error
    try:
        return _state(pynvml, load_error)
    finally:
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _state(pynvml: Any, load_error: str) -> NvmlState:
    """What an initialised NVML tells; its error where it broke before it could count the GPUs."""
    state = NvmlState(
        library=_loaded_library(),
        load_error=load_error,
        driver=or_none(pynvml.nvmlSystemGetDriverVersion),
        nvml=or_none(pynvml.nvmlSystemGetNVMLVersion),
        cuda=_cuda(or_none(pynvml.nvmlSystemGetCudaDriverVersion_v2)),
    )
    try:
        count = pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError as error:
        return replace(state, error=error.value, error_text=str(error))
    return replace(state, gpus=tuple(read_gpu(index) for index in range(count)))


def _initialise_or_why_not(pynvml: Any) -> str | NvmlState:
    """Initialise NVML. The load error of the usual place, or the state when it failed."""
    load_error = ""
    try:
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            if error.value != _LIBRARY_NOT_FOUND:
                raise
            # pynvml hides why the library would not load.
            load_error = str(error.__context__ or "")
            other = _load_elsewhere()
            if other is None:
                raise
            pynvml.nvmlLib = other
            pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return NvmlState(
            library=_loaded_library(),
            error=error.value,
            error_text=str(error),
            load_error=load_error,
        )
    return load_error


def _load_elsewhere() -> ctypes.CDLL | None:
    for directory in FURTHER_DIRECTORIES:
        with contextlib.suppress(OSError):
            return ctypes.CDLL(f"{directory}/{LIBRARY}")
    return None


def _loaded_library() -> str | None:
    """The file behind the loaded library: its name ends in the driver's version (proc(5))."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/maps").read_text(errors="replace").splitlines():
            path = line.split(maxsplit=5)[5:]
            if path and Path(path[0]).name.startswith("libnvidia-ml.so"):
                return path[0]
    return None


def _cuda(number: int | None) -> tuple[int, int] | None:
    """12040 is CUDA 12.4 (NVML)."""
    return (number // 1000, number % 1000 // 10) if number else None


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _ask_without_privileges(timeout: float) -> NvmlState:
    from pydantic import TypeAdapter, ValidationError

    try:
        child = subprocess.run(
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=True,
            cwd="/",
            env=own_imports(),
        )
        return TypeAdapter(NvmlState).validate_json(child.stdout)
    except subprocess.TimeoutExpired:
        return NvmlState(not_tried=f"nvmlInit did not come back within {timeout:g} seconds")
    except (OSError, subprocess.CalledProcessError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        return NvmlState(not_tried=f"device nodes are missing, and asking safely failed: {reason}")


def give_up_privileges() -> None:
    """Become nobody for good, where root; no program started may be setuid any more."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
    if ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError("prctl(PR_SET_NO_NEW_PRIVS) failed")


def main() -> None:
    """The child: everything Python needs is imported before the privileges go."""
    import pynvml  # noqa: F401 - perhaps unreadable to nobody later

    give_up_privileges()
    sys.stdout.write(json.dumps(asdict(ask())))


if __name__ == "__main__":
    main()
