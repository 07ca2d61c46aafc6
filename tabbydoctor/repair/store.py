"""The files of the journal: made, read and removed by directory handles, no link followed.

What is read may be anything by now: a directory, a FIFO, a file of gigabytes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator

from tabbydoctor.repair.manifest import UnreadableManifest

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@contextlib.contextmanager
def directory(name: str, within: int) -> Iterator[int]:
    """A handle of a directory. Raises OSError."""
    handle = os.open(name, _DIRECTORY, dir_fd=within)
    try:
        yield handle
    finally:
        os.close(handle)


def read(name: str, within: int, limit: int) -> bytes:
    """A regular file of at most `limit` bytes. Raises OSError, Unreadable."""
    handle = os.open(name, _READ, dir_fd=within)
    with open(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableManifest(f"{name} is not a regular file")
        content = file.read(limit + 1) if status.st_size <= limit else b""
        if status.st_size > limit or len(content) > limit:
            raise UnreadableManifest(f"{name} is larger than {limit >> 20} MiB")
        return content


def write(name: str, content: bytes, within: int) -> None:
    """Write a new file with mode 0600; afterwards it is durable. Raises OSError."""
    with open(os.open(name, _CREATE, 0o600, dir_fd=within), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def remove(name: str, within: int) -> None:
    """Remove whatever has the name, with all in it, if that can be done."""
    try:
        os.unlink(name, dir_fd=within)
    except IsADirectoryError:
        shutil.rmtree(name, ignore_errors=True, dir_fd=within)
    except OSError:
        return


def exists(name: str, within: int) -> bool:
    """Whether anything has the name."""
    try:
        os.stat(name, dir_fd=within, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
