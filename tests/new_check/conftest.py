"""One copy of the repository for all tests of a module."""

from __future__ import annotations

import pytest

from .scratch_copy import ScratchCopy, copy


@pytest.fixture(scope="module")
def scratch_copy(tmp_path_factory: pytest.TempPathFactory) -> ScratchCopy:
    """A fresh one."""
    return copy(tmp_path_factory.mktemp("repository"))
