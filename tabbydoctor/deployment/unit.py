"""A service unit as `systemctl show` and its files tell it: systemctl(1), systemd.exec(5)."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from tabbydoctor.documents import whole_number
from tabbydoctor.records import dataclass


@dataclass(frozen=True, slots=True)
class UnitFile:
    """A unit file or drop-in, as text."""

    path: str
    text: str

    def line_of(self, needle: str) -> int | None:
        """The number of the first line that contains the needle, comments left out."""
        for number, line in enumerate(self.text.splitlines(), 1):
            if needle in line and not line.lstrip().startswith(("#", ";")):
                return number
        return None


@dataclass(frozen=True, slots=True)
class EnvironmentFile:
    """One `EnvironmentFile=`. `optional` is its leading dash. `problem` is why it has no text."""

    path: str
    optional: bool
    text: str | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """One loaded service unit. `properties` are systemctl's own, by their own names."""

    name: str
    properties: Mapping[str, str]
    files: tuple[UnitFile, ...] = ()
    """The fragment first, then drop-ins in the order they apply."""
    environment_files: tuple[EnvironmentFile, ...] = ()
    user_manager: bool = False
    """Whether it belongs to a user's own systemd."""
    owner: str = ""
    """For a unit of a user manager: whose."""

    def get(self, name: str, default: str = "") -> str:
        """A property, or the default."""
        return self.properties.get(name, default)

    def flag(self, name: str) -> bool:
        """A boolean property."""
        return self.get(name) == "yes"

    def number(self, name: str) -> int | None:
        """A numeric property; None where unset or `[not set]`."""
        text = self.get(name)
        size = whole_number(text.removeprefix("-"))
        return -size if size is not None and text.startswith("-") else size

    @property
    def exists(self) -> bool:
        """Whether systemd knows a file for it."""
        return self.get("LoadState") not in ("", "not-found")

    @property
    def unloadable(self) -> bool:
        """Whether systemd has nothing of it but its name: masked, or a file it cannot load."""
        refused = self.get("LoadState") in ("masked", "error", "bad-setting")
        return refused and not (self.get("WorkingDirectory") or self.get("ExecStart"))

    @property
    def active(self) -> bool:
        """Whether it is running (or reloading)."""
        return self.get("ActiveState") in ("active", "reloading")

    @property
    def main_pid(self) -> int | None:
        """The main process, or None."""
        return self.number("MainPID") or None

    @property
    def started(self) -> float | None:
        """When the main process was started, in microseconds since boot; None if never."""
        return self.number("ExecMainStartTimestampMonotonic") or None

    @property
    def user(self) -> str:
        """`User=`, or root for a system unit without one. A user's manager runs everything as
        that user, whatever the unit says."""
        return self.owner if self.user_manager else self.get("User") or "root"

    @property
    def group_names(self) -> tuple[str, ...]:
        """`Group=` and `SupplementaryGroups=`: a user's manager can give none."""
        if self.user_manager:
            return ()
        names = (self.get("Group"), *self.get("SupplementaryGroups").split())
        return tuple(name for name in names if name)

    @property
    def working_directory(self) -> str:
        """`WorkingDirectory=` without its `-`; systemd's default is `/`."""
        return self.get("WorkingDirectory").lstrip("-!") or "/"

    @property
    def environment(self) -> dict[str, str]:
        """`Environment=` alone, unquoted."""
        return assignments(self.get("Environment"))

    @property
    def command(self) -> tuple[str, ...]:
        """The first `ExecStart=`, from the unit files (exact) or from systemctl (best effort)."""
        for file in reversed(self.files):
            found = last_setting(file.text, "ExecStart")
            if found:
                return tuple(_split(found.lstrip("-@:+!|")))
        return tuple(shown_command(self.get("ExecStart")))

    @property
    def loaded_command(self) -> tuple[str, ...]:
        """The command that the next start runs: the files' own words, unless they changed since
        systemd read them."""
        loaded = tuple(shown_command(self.get("ExecStart")))
        return loaded if loaded and self.flag("NeedDaemonReload") else self.command

    def settings(self, name: str) -> tuple[str, ...]:
        """All values of a list setting in the unit's files; an empty one starts anew.

        For what `systemctl show` gives as `[unprintable]`, such as LoadCredential= (systemd 252).
        """
        values: list[str] = []
        for file in self.files:
            for line in file.text.replace("\\\n", " ").splitlines():
                key, found, value = line.partition("=")
                if found and key.strip() == name:
                    values = [*values, value.strip()] if value.strip() else []
        return tuple(values)

    @property
    def systemctl(self) -> str:
        """The systemctl to paste: `sudo systemctl` or `systemctl --user`."""
        return "systemctl --user" if self.user_manager else "sudo systemctl"

    @property
    def restart(self) -> tuple[str, ...]:
        """The commands to paste that start it anew, as its files are now."""
        due = self.flag("NeedDaemonReload")
        return (*((f"{self.systemctl} daemon-reload",) if due else ()), *self.restart_as_loaded)

    @property
    def restart_as_loaded(self) -> tuple[str, ...]:
        """The same without a reload; after a failure its starts are counted anew."""
        name = shlex.quote(self.name)
        loops = self.get("ActiveState") == "failed" or self.get("SubState") == "auto-restart"
        forget = (f"{self.systemctl} reset-failed {name}",) if loops else ()
        return (*forget, f"{self.systemctl} restart {name}")

    @property
    def journalctl(self) -> str:
        """The journalctl to paste for this unit's log."""
        name = shlex.quote(self.name)
        return f"journalctl --user -u {name}" if self.user_manager else f"sudo journalctl -u {name}"


def assignments(text: str) -> dict[str, str]:
    """`A=b "C=d e"`, as systemctl shows an environment, as a dictionary."""
    words = (word.partition("=") for word in _split(text))
    return {name: value for name, _, value in words if name}


def shown_command(text: str) -> list[str]:
    """The words of `{ path=… ; argv[]=… ; … }`. systemctl drops the quotes: best effort."""
    _, found, rest = text.partition("argv[]=")
    return rest.partition(" ; ")[0].split() if found else []


def last_setting(text: str, name: str) -> str | None:
    """The last non-empty assignment of a setting in unit-file text, continuation lines joined."""
    value: str | None = None
    lines = iter(text.splitlines())
    for line in lines:
        while line.endswith("\\"):
            line = line[:-1] + " " + next(lines, "").strip()
        key, found, rest = line.partition("=")
        if found and key.strip() == name:
            value = rest.strip() or None
    return value


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()
