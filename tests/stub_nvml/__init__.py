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
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    target = directory / f"libnvidia-ml.so.{version}"
    subprocess.run(
        [compiler, "-shared", "-fPIC", f"-Wl,-soname,{NAME}", "-x", "c", SOURCE, "-o", target],
        check=True,
    )
    link = directory / NAME
    link.symlink_to(target.name)
    return link
