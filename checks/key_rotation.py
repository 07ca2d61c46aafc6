"""How a key that others have seen is replaced."""

from __future__ import annotations

import shlex

from tabbydoctor.api import Remedy, Safety
from tabbydoctor.deployment.container import Container
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.tabbyapi.tokens import Tokens


def rotation(instance: Instance, tokens: Tokens | None) -> Remedy:
    """Let TabbyAPI generate new keys. Every client needs the new one afterwards."""
    box = instance.contained
    if box is not None:
        return _of_container(box, tokens.path if tokens else box.path("api_tokens.yml"))
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


def _of_container(box: Container, path: str) -> Remedy:
    """A file that is mounted stays where it is: an engine makes a directory in its place."""
    told = "and every client must be given the new key"
    if not path.startswith(f"{box.root}/"):
        title = f"Rotate the keys: write new ones into {path} (never remove it: it is mounted), "
        new = "openssl rand -hex 16"
        return Remedy(f"{title}{told}", Safety.MANUAL, (new, f"sudoedit {shlex.quote(path)}"))
    title = "Rotate the keys: TabbyAPI makes new ones at its next start, "
    inside = shlex.quote(box.inside(path))
    commands = (f"{box.client} exec {box.called} rm {inside}", *box.restart) if box.client else ()
    return Remedy(f"{title}{told}", Safety.MANUAL, commands)
