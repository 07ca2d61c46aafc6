"""The backends that wired routers are run against."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.routers.wiring.backends import Stage, staged


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """TabbyAPI, two other backends, and the tokens file."""
    with staged(tmp_path) as made:
        yield made
