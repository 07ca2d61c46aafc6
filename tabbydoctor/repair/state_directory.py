"""Where changes are recorded: a directory of the doctor's own, that nobody else may write."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from platformdirs import user_state_path

from tabbydoctor.invocation import invocation
from tabbydoctor.repair.errors import RepairError, explained
from tabbydoctor.trust import Untrusted, trusted

SYSTEM = Path("/var/lib/tabbydoctor")
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


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
    """Raise RepairError where others may write to the directory, or exchange it.

    So no directory above it belongs to another account or is open to others (but for sticky
    ones, like /tmp), and no link leads to it that others may have placed.
    """
    try:
        handle = opened(directory)
    except FileNotFoundError:
        return
    os.close(handle)


def opened(directory: Path) -> int:
    """A handle of the state directory, which is judged by it. Raises RepairError, and
    FileNotFoundError where it is not there but all above it may be trusted."""
    try:
        real = trusted(os.path.dirname(directory))
        path = os.path.join(real, directory.name)
        if os.path.islink(path):
            path = trusted(path)
        handle = os.open(path, _OPEN)
    except Untrusted as doubt:
        raise _refused(directory, f"cannot be trusted: {doubt}") from doubt
    except FileNotFoundError:
        raise
    except NotADirectoryError as error:
        if os.path.lexists(directory):
            raise _refused(directory, "is not a directory") from error
        raise explained(error, str(directory), "use the state directory") from error
    except OSError as error:
        raise explained(error, str(directory), "use the state directory") from error
    try:
        _judge(directory, os.fstat(handle))
    except BaseException:
        os.close(handle)
        raise
    return handle


def _judge(directory: Path, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        raise _refused(
            directory,
            f"belongs to uid {status.st_uid}, not to the doctor's uid {os.geteuid()}",
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise _refused(
            directory,
            f"can be written by others (mode {stat.S_IMODE(status.st_mode):04o})",
            hint=f"chmod 700 {shlex.quote(str(directory))}",
        )


def _refused(directory: Path, why: str, hint: str = "") -> RepairError:
    named = "name one with --state-dir that nobody else may write or exchange"
    return RepairError(f"the state directory {directory} {why}", hint=hint or named)


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
