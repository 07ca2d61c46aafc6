"""A scratch deployment for every test of the tokens checks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .deployment import SERVICE, Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    if os.geteuid() != 0:
        pytest.skip("needs root to give files to others")
    scene = Scene(tmp_path)
    tmp_path.chmod(0o755)
    scene.directory.mkdir(parents=True)
    os.chown(scene.directory, SERVICE.uid, SERVICE.uid)
    return scene
