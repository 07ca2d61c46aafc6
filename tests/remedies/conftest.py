"""A scratch deployment for every test of the remedies."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tabbydoctor import redaction
from tabbydoctor.deployment import drop_ins
from tabbydoctor.remedies import credential, secrets

from .scene import Scene, make


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """It lies where other accounts can come at it; pytest's own directories are closed to them."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        monkeypatch.setattr(drop_ins, "SYSTEM", str(root / "units"))
        monkeypatch.setattr(credential, "_DIRECTORY", str(root / "kept"))
        monkeypatch.setattr(secrets, "_DIRECTORY", str(root / "kept"))
        yield make(root)
    redaction.forget_all()
