"""The backends that wired routers are run against."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.routers.wiring.backends import Stage, staged
from tests.routers.wiring.deployment import LOADED


@pytest.fixture(scope="module", autouse=True)
def routers_let_go() -> Iterator[None]:
    """A router leaves its clients open: they go here, and not within a stranger's test."""
    yield
    while LOADED:
        sys.modules.pop(LOADED.pop(), None)
    gc.collect()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """TabbyAPI, two other backends, and the tokens file."""
    with staged(tmp_path) as made:
        yield made
