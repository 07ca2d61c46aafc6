"""How a key that others have seen is replaced."""

from __future__ import annotations

import shlex

from tabbydoctor.api import Remedy, Safety
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.tabbyapi.tokens import Tokens


def rotation(instance: Instance, tokens: Tokens | None) -> Remedy:
    """Let TabbyAPI generate new keys. Every client needs the new one afterwards."""
    path = tokens.path if tokens else f"{instance.directory}/api_tokens.yml"
    commands = [f"sudo rm {shlex.quote(path)}"]
    if instance.unit:
        commands.append(f"{instance.unit.systemctl} restart {shlex.quote(instance.unit.name)}")
    return Remedy(
        "Rotate the keys: TabbyAPI makes new ones at its next start, "
        "and every client must be given the new key",
        Safety.MANUAL,
        tuple(commands),
    )
