"""A copy of this repository to add to: what runs in it imports it, not the original."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_COPIED = ("tabbydoctor", "checks", "tests", "pyproject.toml", "README.md", ".importlinter")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "corpus", "*.so")


@dataclass(frozen=True)
class ScratchCopy:
    """One, and what is run in it."""

    root: Path

    def path(self, name: str) -> Path:
        """A file of it."""
        return self.root / name

    def module(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`python -m …`."""
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )

    def pytest(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`pytest …`, on its own whatever runs this."""
        return self.module("pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", *arguments)


def copy(root: Path) -> ScratchCopy:
    """Into an empty directory."""
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=_LEFT_OUT)
        else:
            shutil.copy(source, root / name)
    # As the build maps it: the entry point of the built-in checks leads into the copy.
    (root / "tabbydoctor_checks").symlink_to("checks")
    return ScratchCopy(root)
