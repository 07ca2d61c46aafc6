"""A deployment for any check; some categories have further ones of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .scratch_tabby import ScratchTabby, healthy


@pytest.fixture
def tabby() -> Iterator[ScratchTabby]:
    """A healthy TabbyAPI, to be spoilt, whichever account it is said to run as: pytest's own
    directories are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield healthy(Path(name) / "TabbyAPI")
