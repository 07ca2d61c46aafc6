"""Programs that are heavy to install, and that some tests run: `.ci/run --all` has them all."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest


def program(name: str) -> str | None:
    """A program of this environment or on the search path, or named by a variable of its name."""
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
    return os.environ.get(name.upper().replace("-", "_")) or shutil.which(name, path=path)


def require(name: str) -> str:
    """A program; the test is skipped without it, and fails with TABBYDOCTOR_REQUIRE_HEAVY."""
    found = program(name)
    if found is not None:
        return found
    why = f"{name} is not installed"
    if os.environ.get("TABBYDOCTOR_REQUIRE_HEAVY"):
        pytest.fail(why)
    pytest.skip(why)
