"""Reaching a directory by handles, one component after the other, without being led astray.

A service's user may put a symbolic link anywhere in a directory of his own, at any moment. So
no path is ever handed to the kernel whole: each component is opened relative to the one before
with O_NOFOLLOW (openat(2)). A link is followed only where none but root and the doctor's own
user could have put it there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from tabbydoctor.repair.errors import RepairError, Unreachable

_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_MOST_LINKS = 40


@dataclass(frozen=True, slots=True)
class Place:
    """A name in an opened directory: where a file is, or would be."""

    path: str
    """As it was asked for, for messages."""
    directory: int
    """Handle of the directory (O_PATH)."""
    name: str


@dataclass(frozen=True, slots=True)
class _Level:
    handle: int
    path: str
    trusted: bool
    """Nobody else can have exchanged this directory or one above it."""
    closed: bool
    """Nobody else can put names into it."""


@contextlib.contextmanager
def place(path: str) -> Iterator[Place]:
    """The directory of a path, opened, and the name in it, which need not exist.

    Raises FileNotFoundError without that directory, Unreachable for a link that others may
    have placed, other OSErrors as the kernel has them.
    """
    levels = [_level(os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC), "/", None)]
    try:
        name = _descend(levels, path)
        yield Place(path, levels[-1].handle, name)
    finally:
        for level in levels:
            os.close(level.handle)


def _descend(levels: list[_Level], path: str) -> str:
    """Open every directory of the path onto `levels`; the last name is returned."""
    names, links = _names(path), 0
    while names:
        name = names.pop()
        if name == "..":
            if len(levels) > 1:
                os.close(levels.pop().handle)
            continue
        try:
            entry = os.open(name, _LOOK, dir_fd=levels[-1].handle)
        except FileNotFoundError:
            if names:
                raise
            return name
        kind = os.fstat(entry).st_mode
        if stat.S_ISDIR(kind) and names:
            levels.append(_level(entry, f"{levels[-1].path.rstrip('/')}/{name}", levels[-1]))
            continue
        with _closing(entry):
            if not stat.S_ISLNK(kind):
                if names:
                    raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
                return name
            links += 1
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            names += _followed(levels, entry, name)
    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)


def _followed(levels: list[_Level], link: int, name: str) -> list[str]:
    """The names a link stands for. Raises Unreachable where it may be a trap."""
    level = levels[-1]
    path = f"{level.path.rstrip('/')}/{name}"
    if not (level.trusted and level.closed and _ours(os.fstat(link))):
        raise Unreachable(
            f"{path} is a symbolic link that others than root may have put there",
            hint=f"name the real file instead: readlink -f {shlex.quote(path)}",
        )
    target = os.readlink("", dir_fd=link)
    if target.startswith("/"):
        while len(levels) > 1:
            os.close(levels.pop().handle)
    return _names(target)


def _level(handle: int, path: str, above: _Level | None) -> _Level:
    found = os.fstat(handle)
    closed = _ours(found) and not found.st_mode & _OTHERS_WRITE
    # In a sticky directory (/tmp) nobody can exchange what belongs to somebody else.
    kept = closed or (_ours(found) and bool(found.st_mode & stat.S_ISVTX))
    return _Level(handle, path, kept and (above is None or above.trusted), closed)


def _ours(found: os.stat_result) -> bool:
    return found.st_uid in (0, os.geteuid())


def _names(path: str) -> list[str]:
    """The components, the first one last."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


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


def _open_up(made: Place) -> None:
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
