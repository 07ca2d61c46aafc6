"""What several tests of the repair engine stand on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def tmp_path_for_all() -> Iterator[Path]:
    """A scratch directory that other accounts can reach; pytest's own is closed to them."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory
