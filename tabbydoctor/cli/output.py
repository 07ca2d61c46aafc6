"""Writing a report to a file that the user named, through no link of somebody else's, and in one
step: whoever reads the file meanwhile, or after a kill, finds the old report or the new one.
"""

from __future__ import annotations

import contextlib
import os
import stat

from tabbydoctor.cli.errors import CommandError
from tabbydoctor.repair.directories import DirectoryEntry, place
from tabbydoctor.repair.errors import RepairError

_KERNELS = ("/dev/", "/proc/")
"""Whose links lead to what this process has open: `/dev/stdout`, a shell's `>(…)`."""
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC


def write_output(path: str, text: str | bytes, *, private: bool = False) -> None:
    """Replace what is in the file. Raises CommandError, the file then as it was.

    `private`: nobody else may read the file, at any time; one that cannot be had so is refused.
    """
    try:
        if path.startswith(_KERNELS):
            handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        else:
            with place(os.path.abspath(path)) as found:
                if _replaced(found, text, private=private):
                    return
                if private:
                    raise RepairError("it cannot be replaced by a file that you alone can read")
                handle = _opened(found)
        _fill(handle, text)
    except RepairError as error:
        raise _failed(path, error.message) from error
    except OSError as error:
        raise _failed(path, error.strerror or str(error)) from error


def require_output(path: str) -> None:
    """See that the file can be written before there is anything to write; it stays as it is.

    Raises CommandError.
    """
    if path.startswith(_KERNELS):
        return
    there = os.path.lexists(path)
    try:
        with place(os.path.abspath(path)) as found:
            os.close(os.open(found.name, _WRITE, 0o666, dir_fd=found.directory))
            if not there:
                os.unlink(found.name, dir_fd=found.directory)
    except RepairError as error:
        raise _failed(path, error.message) from error
    except OSError as error:
        raise _failed(path, error.strerror or str(error)) from error


def _replaced(found: DirectoryEntry, text: str | bytes, *, private: bool) -> bool:
    """Put a new file in its place; False where only the old one can be written to: another
    account's, one with a second name, a pipe, one in a directory that is closed.
    """
    mode = None
    with contextlib.suppress(FileNotFoundError):
        old = os.stat(found.name, dir_fd=found.directory, follow_symlinks=False)
        mode = stat.S_IMODE(old.st_mode)
        if not stat.S_ISREG(old.st_mode) or old.st_nlink > 1 or old.st_uid != os.geteuid():
            return False
    new = f".{found.name}.{os.getpid()}"
    mode = 0o600 if private else mode
    try:
        handle = os.open(
            new, _WRITE | os.O_EXCL, 0o600 if private else 0o666, dir_fd=found.directory
        )
    except OSError:
        return False
    try:
        if mode is not None:
            os.fchmod(handle, mode)
        _fill(handle, text)
        os.replace(new, found.name, src_dir_fd=found.directory, dst_dir_fd=found.directory)
    except BaseException:
        os.unlink(new, dir_fd=found.directory)
        raise
    return True


def _fill(handle: int, text: str | bytes) -> None:
    content = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    with open(handle, "wb") as file:
        file.write(content)


def _opened(found: DirectoryEntry) -> int:
    handle = os.open(found.name, _WRITE, 0o666, dir_fd=found.directory)
    status = os.fstat(handle)
    if stat.S_ISREG(status.st_mode):
        if status.st_nlink > 1 and found.walked.shaper:
            os.close(handle)
            raise RepairError("it has a second name (a hard link), which others may have made")
        os.ftruncate(handle, 0)
    return handle


def _failed(path: str, why: str) -> CommandError:
    return CommandError(f"--output {path}: {why}", hint="the report was not written")
