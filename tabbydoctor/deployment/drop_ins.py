"""Drop-ins of the doctor's: where one stands, what it says, and the commands that write it.

What a check prints to paste and what `fix` does come from the same record.
"""

from __future__ import annotations

import shlex

from tabbydoctor.deployment.unit import Unit
from tabbydoctor.records import dataclass

SYSTEM = "/etc/systemd/system"
_OF_USERS = ".config/systemd/user"
# Drop-ins apply in the order of their names (systemd.unit(5)): this one is to win.
_PREFIX = "zz-tabbydoctor"


@dataclass(frozen=True, slots=True)
class DropIn:
    """Settings of the section `[Service]` that a unit gets beside its own file."""

    unit: Unit
    name: str
    """What it is about, one word for each purpose: `gpu-groups`."""
    settings: tuple[tuple[str, str], ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """`Name=value`, in their order."""
        return tuple("=".join(setting) for setting in self.settings)

    @property
    def commands(self) -> tuple[str, ...]:
        """What writes it, makes it count and restarts the unit; lines that are there stay."""
        user = self.unit.user_manager
        sudo = "" if user else "sudo "
        base = f"~/{_OF_USERS}" if user else SYSTEM
        directory = f"{base}/{shlex.quote(self.unit.name)}.d"
        lines = " ".join(map(shlex.quote, ("[Service]", *self.lines)))
        return (
            f"{sudo}mkdir -p {directory}",
            f"printf '%s\\n' {lines} | {sudo}tee -a {directory}/{file_name(self.name)}",
            f"{self.unit.systemctl} daemon-reload",
            *self.unit.restart_as_loaded,
        )


def file_name(name: str) -> str:
    """The name of a drop-in's file."""
    return f"{_PREFIX}-{name}.conf"


def user_directory(home: str) -> str:
    """Where the units of an account's own manager are (systemd.unit(5))."""
    return f"{home}/{_OF_USERS}"
