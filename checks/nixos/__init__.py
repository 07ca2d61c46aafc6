"""Checks of deployments by the NixOS module: NIX001 to NIX007."""

from __future__ import annotations

import shlex

from tabbydoctor.api import Remedy
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.nixos.module import NixModule, taken_back


def in_configuration(module: NixModule, title: str, *lines: str) -> Remedy:
    """What to write into the machine's configuration, and the commands for it."""
    first = (*taken_back(module.temporary, lines), f"sudoedit {shlex.quote(module.source)}")
    return by_rebuild(title, *lines, first=first)
