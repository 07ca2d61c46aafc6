"""What the running server answers."""

from __future__ import annotations

import shlex

from tabbydoctor.api import Remedy, Safety
from tabbydoctor.deployment.parts import Instance


def restart(instance: Instance | None, title: str, *first: str) -> Remedy:
    """A restart of TabbyAPI (it interrupts service), after some commands that only look."""
    unit = instance.unit if instance else None
    if unit is None:
        return Remedy(title, commands=first)
    command = f"{unit.systemctl} restart {shlex.quote(unit.name)}"
    return Remedy(title, Safety.UNSAFE, (*first, command))
