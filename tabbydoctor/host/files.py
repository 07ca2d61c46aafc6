"""Reading files of a machine that may be hostile: nothing here blocks, follows a FIFO or writes."""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from tabbydoctor.host.data import FileContent, FileStatus

_ACL = "system.posix_acl_access"


def read(path: str, limit: int) -> FileContent:
    """The first `limit` bytes of a regular file. Raises OSError, EINVAL for anything else."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        found = _status(path, os.fstat(descriptor), descriptor)
        if found.is_directory:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if not found.is_file:
            raise OSError(errno.EINVAL, f"not a regular file but {found.kind}", path)
        data = _read_up_to(descriptor, limit + 1)
    finally:
        os.close(descriptor)
    return FileContent(data[:limit], found, truncated=len(data) > limit)


def _read_up_to(descriptor: int, limit: int) -> bytes:
    chunks: list[bytes] = []
    while limit > 0:
        chunk = os.read(descriptor, min(limit, 1 << 20))
        if not chunk:
            break
        chunks.append(chunk)
        limit -= len(chunk)
    return b"".join(chunks)


def status(path: str, follow: bool) -> FileStatus:
    """stat(2) or lstat(2), the ACL, and the target of a link. Raises OSError."""
    found = os.stat(path, follow_symlinks=follow)
    target = None
    if stat.S_ISLNK(found.st_mode):
        with contextlib.suppress(OSError):
            target = os.readlink(path)
    return _status(path, found, path if follow else None, target)


def _status(
    path: str, found: os.stat_result, acl_of: str | int | None, link_target: str | None = None
) -> FileStatus:
    return FileStatus(
        path=path,
        mode=found.st_mode,
        uid=found.st_uid,
        gid=found.st_gid,
        size=found.st_size,
        modified=found.st_mtime,
        device=found.st_rdev,
        acl=_acl(acl_of),
        link_target=link_target,
        changed=found.st_ctime,
    )


def _acl(path: str | int | None) -> bytes | None:
    if path is None:
        return None
    try:
        return os.getxattr(path, _ACL)
    except OSError:
        return None
