"""The demo ends as it should on the machine that the tests run on, a container included."""

from __future__ import annotations

import subprocess
import sys


def test_the_demo_ends_as_it_should() -> None:
    command = [sys.executable, "-m", "tabbydoctor", "demo"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
