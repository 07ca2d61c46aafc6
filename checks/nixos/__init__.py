"""Checks of deployments by the NixOS module: NIX001 to NIX006."""

from __future__ import annotations

import shlex

from tabbydoctor.api import Remedy, Safety
from tabbydoctor.nixos.module import NixModule

SWITCH = "sudo nixos-rebuild switch"


def in_configuration(module: NixModule, title: str, *lines: str) -> Remedy:
    """What to write into the machine's configuration, and the commands for it."""
    wanted = " ".join(lines)
    said = f"{title}: {wanted}" if wanted else title
    return Remedy(said, Safety.MANUAL, (f"sudoedit {shlex.quote(module.source)}", SWITCH))
