"""Reading files of a machine that may be hostile: nothing here blocks, opens a FIFO or writes.

Root lends nobody its eyes: what stands at the end of a way that some account could have bent is
read only if that account, or the one it is read for, could read it itself (path_resolution(7)).
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Callable, Sequence

from tabbydoctor.host.access import PathStatus, Shaper, Want
from tabbydoctor.host.data import Account, FileContent, FileStatus
from tabbydoctor.host.walk import described, find, seen_by_process

Reader = Callable[[Shaper | None], Account | None]
"""For a way that somebody could have bent, or that is trusted: the account as which what stands at
its end is read; None for the doctor itself."""
_NEVER_WAIT = os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def read(
    path: str, limit: int, reader: Reader, root: str = "/", *, end: bool = False
) -> FileContent:
    """The first, or with `end` the last, `limit` bytes of a regular file.

    Raises OSError: EINVAL where it is none, EACCES where the reader could not read it.
    """
    with find(path, root) as found:
        leaf = found.way.leaf
        if leaf.is_directory:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if not leaf.is_file:
            raise OSError(errno.EINVAL, f"not a regular file but {leaf.kind}", path)
        _permitted(found.way, reader, "r", path)
        descriptor = os.open(f"/proc/self/fd/{found.handle}", os.O_RDONLY | _NEVER_WAIT)
        try:
            if end and leaf.size > limit:
                os.lseek(descriptor, leaf.size - limit, os.SEEK_SET)
            data = _read_up_to(descriptor, limit + 1)
        finally:
            os.close(descriptor)
    return FileContent(
        data[:limit], leaf, truncated=len(data) > limit or (end and leaf.size > limit)
    )


def names(path: str, reader: Reader, root: str = "/") -> Sequence[str]:
    """The names in a directory, sorted. Raises OSError as `read` does."""
    with find(path, root) as found:
        if not found.way.leaf.is_directory:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        _permitted(found.way, reader, "r", path)
        return sorted(os.listdir(f"/proc/self/fd/{found.handle}"))


def way(path: str, root: str = "/") -> PathStatus:
    """All that leads to a path, and the thing itself. Raises OSError."""
    with find(path, root) as found:
        return found.way


def status(path: str, follow: bool) -> FileStatus:
    """stat(2) or lstat(2), the access control list, and the target of a link. Raises OSError."""
    if follow and seen_by_process(path):
        return way(path).leaf
    flags = os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    handle = os.open(path, flags)
    try:
        found = os.fstat(handle)
        if stat.S_ISLNK(found.st_mode):
            target = os.readlink("", dir_fd=handle)
            return described(path, found, None, target)
        return described(path, found, handle)
    finally:
        os.close(handle)


def real_path(path: str) -> str:
    """The path with every link resolved, as far as there is anything."""
    if not seen_by_process(path):
        return posixpath.realpath(path)
    try:
        return way(path).leaf.path
    except OSError:
        return path


def _permitted(found: PathStatus, reader: Reader, want: Want, path: str) -> None:
    account = reader(found.shaper)
    if account is None:
        return
    denied = found.denied_at(account.uid, {account.gid, *account.groups}, want)
    if denied is not None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def _read_up_to(descriptor: int, limit: int) -> bytes:
    chunks: list[bytes] = []
    while limit > 0:
        chunk = os.read(descriptor, min(limit, 1 << 20))
        if not chunk:
            break
        chunks.append(chunk)
        limit -= len(chunk)
    return b"".join(chunks)
