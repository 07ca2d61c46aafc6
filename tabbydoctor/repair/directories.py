"""Reaching a directory by handles, without being led astray, to write into it.

The walk is `tabbydoctor.host.walk`. To read, a link that others may have put there is followed and
judged; to write, it is never followed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
from collections.abc import Collection, Iterator

from tabbydoctor.host import Account, accounts
from tabbydoctor.host.access import PathStatus
from tabbydoctor.host.walk import Walk, descend, described, walk
from tabbydoctor.records import dataclass
from tabbydoctor.repair.errors import RepairError, Unreachable


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """A name in an opened directory: where a file is, or would be."""

    path: str
    """As it was asked for, for messages."""
    directory: int
    """Handle of the directory (O_PATH)."""
    name: str
    walked: Walk
    """The way to it, and who could have bent it."""


@contextlib.contextmanager
def place(path: str) -> Iterator[DirectoryEntry]:
    """The directory of a path, opened, and the name in it, which need not exist.

    Raises FileNotFoundError without that directory, Unreachable for a link that others may
    have placed, other OSErrors as the kernel has them.
    """
    with walk(path) as walked:
        try:
            name = descend(walked)
        finally:
            _refuse_link(walked)
        if name is None:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        yield DirectoryEntry(path, walked.levels[-1].handle, name, walked)


def _refuse_link(walked: Walk) -> None:
    if walked.foreign_link:
        raise Unreachable(
            f"{walked.foreign_link} is a symbolic link that others than root may have put there",
            hint=f"name the real file instead: readlink -f {shlex.quote(walked.foreign_link)}",
        )


def require_reader(found: DirectoryEntry, handle: int, readers: Collection[Account]) -> None:
    """Raise Unreachable where somebody bent the way who could not read the file himself.

    What an account could have put there (renamed, mounted) is copied for nobody who may not read
    it: neither for that account nor for those that the deployment runs as (`readers`).
    """
    shaper = found.walked.shaper
    if shaper is None:
        return
    leaf = described(found.path, os.fstat(handle), handle)
    way = PathStatus((*found.walked.searched.values(), leaf), shaper)
    own = accounts.account(shaper.uid) if shaper.uid is not None else None
    everyone = (*readers, own or accounts.unlisted(shaper))
    if any(way.denied_at(one.uid, {one.gid, *one.groups}, "r") is None for one in everyone):
        return
    names = " or ".join(dict.fromkeys(one.name for one in everyone))
    raise Unreachable(
        f"{found.path} may not be read by {names}, whose directory it is in: "
        "what is in it is handed to nobody",
        hint=f"look at it: sudo ls -l {shlex.quote(found.path)}",
    )


@contextlib.contextmanager
def _closing(handle: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(handle)


def synchronise(handle: int) -> None:
    """Make the names in a directory durable (fsync(2)), where that is possible at all."""
    try:
        readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=handle)
        with _closing(readable):
            os.fsync(readable)
    except OSError as error:
        # No permission to read it, or a file system that knows no such thing.
        if error.errno not in (errno.EACCES, errno.EINVAL, errno.ENOTSUP):
            raise


def names_in(handle: int) -> list[str]:
    """The names in a directory. Raises OSError."""
    readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=handle)
    with _closing(readable):
        return os.listdir(readable)


def missing_directories(path: str) -> tuple[str, ...]:
    """The directories above a path that do not exist, outermost first."""
    missing: list[str] = []
    above = os.path.dirname(path)
    while above != "/":
        try:
            with place(above) as found:
                os.stat(found.name, dir_fd=found.directory, follow_symlinks=False)
            break
        except FileNotFoundError:
            missing.append(above)
        above = os.path.dirname(above)
    return tuple(reversed(missing))


def make_directory(path: str) -> None:
    """Make a directory with mode 0755 and the owner of the one above; one that is there stays.

    Raises OSError, Unreachable.
    """
    with place(path) as found:
        try:
            os.mkdir(found.name, 0o700, dir_fd=found.directory)
        except FileExistsError:
            return
        _open_up(found)
        synchronise(found.directory)


def _open_up(made: DirectoryEntry) -> None:
    handle = os.open(
        made.name,
        os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC,
        dir_fd=made.directory,
    )
    with _closing(handle):
        status, above = os.fstat(handle), os.fstat(made.directory)
        # Whoever owns the directory above may have put one of root's in the new one's place.
        if status.st_uid != os.geteuid() or os.listdir(handle):
            raise RepairError(f"{made.path} was exchanged while it was made")
        if os.geteuid() == 0:
            os.fchown(handle, above.st_uid, above.st_gid)
        os.fchmod(handle, 0o755)


def remove_directory(path: str) -> None:
    """Remove an empty directory; one that is gone or holds something is left."""
    settled = (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)
    try:
        with place(path) as found:
            os.rmdir(found.name, dir_fd=found.directory)
            synchronise(found.directory)
    except OSError as error:
        if error.errno not in settled:
            raise
