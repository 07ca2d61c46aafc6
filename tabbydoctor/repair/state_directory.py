"""Where changes are recorded: a directory of the doctor's own, that nobody else may write."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from platformdirs import user_state_path

from tabbydoctor.invocation import invocation
from tabbydoctor.repair.directories import place
from tabbydoctor.repair.errors import RepairError, explained

SYSTEM = Path("/var/lib/tabbydoctor")


def state_directory(given: str | None) -> Path:
    """The given directory; else the system's for root, the user's own for others.

    Raises RepairError where it is there and not to be trusted. It need not exist.
    """
    if given:
        directory = Path(os.path.abspath(given))
    else:
        directory = SYSTEM if os.geteuid() == 0 else user_state_path("tabbydoctor")
    check(directory)
    return directory


def check(directory: Path) -> None:
    """Raise RepairError where somebody else owns the directory or may write to it."""
    try:
        with place(str(directory)) as found:
            status = os.stat(found.name, dir_fd=found.directory, follow_symlinks=False)
    except FileNotFoundError:
        return
    except OSError as error:
        raise explained(error, str(directory), "use the state directory") from error
    if not stat.S_ISDIR(status.st_mode):
        raise RepairError(f"the state directory {directory} is not a directory")
    if status.st_uid != os.geteuid():
        raise RepairError(
            f"the state directory {directory} belongs to uid {status.st_uid}, "
            f"not to the doctor's uid {os.geteuid()}",
            hint="name another one with --state-dir",
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise RepairError(
            f"the state directory {directory} can be written by others "
            f"(mode {stat.S_IMODE(status.st_mode):04o})",
            hint=f"chmod 700 {directory}",
        )


def elsewhere(directory: Path) -> str:
    """A hint where changes may be recorded, if not in this directory; empty for none."""
    if os.geteuid() != 0 and directory != SYSTEM and SYSTEM.is_dir():
        return f"changes made by root are taken back by root: {invocation('undo', root=True)}"
    return ""


def make(directory: Path) -> None:
    """Make it (mode 0700) where it is missing, and judge it again. Raises RepairError."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise explained(error, str(directory), "make the state directory") from error
    check(directory)
