"""A real Nix: parses, and evaluates what needs no nixpkgs. Skipped, with the reason, without it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

PROGRAM = shutil.which("nix-instantiate")

needs_nix = pytest.mark.skipif(PROGRAM is None, reason="needs nix-instantiate (Debian: nix-bin)")


def parse(text: str, scratch: Path) -> None:
    """Fails where the text is no Nix expression."""
    _nix(["--parse", "-"], text, scratch)


def evaluate(text: str, scratch: Path) -> Any:
    """The value of an expression that uses nothing but the language's own functions."""
    return json.loads(_nix(["--eval", "--strict", "--json", "-"], text, scratch))


def _nix(arguments: list[str], text: str, scratch: Path) -> str:
    assert PROGRAM is not None
    places = {
        "NIX_STATE_DIR": scratch / "state",
        "NIX_STORE_DIR": scratch / "store",
        "NIX_LOG_DIR": scratch / "log",
        "HOME": scratch,
    }
    environment = {**os.environ, **{name: str(place) for name, place in places.items()}}
    environment["NIX_REMOTE"] = ""
    done = subprocess.run(
        [PROGRAM, *arguments], input=text.encode(), capture_output=True, env=environment, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode() + text
    return done.stdout.decode()
