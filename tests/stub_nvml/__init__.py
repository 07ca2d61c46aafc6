"""A stand-in NVML library in C, for the real pynvml to talk to. See nvml.c.txt for its knobs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("nvml.c.txt")
NAME = "libnvidia-ml.so.1"


def build_library(directory: Path, version: str = "580.95.05") -> Path:
    """Compile the stub as a driver package installs it: the versioned file and a link to it.

    Skips the test where there is no C compiler.
    """
    target = directory / f"libnvidia-ml.so.{version}"
    _compile(SOURCE, NAME, target)
    link = directory / NAME
    link.symlink_to(target.name)
    return link


def build_cuda(directory: Path) -> Path:
    """A libcuda.so.1 with nothing in it, that the linker's cache takes: ldconfig(8)."""
    target = directory / "libcuda.so.1"
    _compile(Path("/dev/null"), target.name, target)
    return target


def _compile(source: Path, name: str, target: Path) -> None:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    shape = ("-shared", "-fPIC", f"-Wl,-soname,{name}")
    subprocess.run([compiler, *shape, "-x", "c", source, "-o", target], check=True)
