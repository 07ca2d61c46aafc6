"""Reading a file to the byte, and replacing it in one atomic step.

The directory may belong to a hostile account: see `directories`. What is replaced is compared,
up to the last moment, with what the caller expects to find.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shlex
import stat
from collections.abc import Collection, Iterator

from tabbydoctor.host import Account, FileStatus
from tabbydoctor.records import dataclass
from tabbydoctor.repair.attributes import read_attributes, write_attributes
from tabbydoctor.repair.directories import (
    DirectoryEntry,
    names_in,
    place,
    require_reader,
    synchronise,
)
from tabbydoctor.repair.errors import ChangedMeanwhile, RepairError, Unreachable, explained
from tabbydoctor.repair.states import FileState

PREFIX = ".tabbydoctor-"
"""What the names of temporary files begin with; the id of the change follows."""
LIMIT = 16 << 20
"""Bytes. Configuration is smaller."""
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)

FileIdentity = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What stands at a name: its state, and what tells it from any later one."""

    state: FileState | None
    identity: FileIdentity | None


def read(
    path: str,
    readers: Collection[Account] | None = None,
    judged: FileStatus | None = None,
) -> FileState | None:
    """The file, or None where there is none.

    `readers`: for whom it is read, where others than root could have bent the way; None to compare
    it alone. `judged`: what was looked at, and has to be there still. Raises RepairError.
    """
    with _explaining(path, "read"):
        try:
            with place(path) as found:
                seen = _look(found, readers)
        except FileNotFoundError:
            return None
    if judged is not None and seen.identity and seen.identity[:2] != judged.identity:
        raise ChangedMeanwhile(path)
    return seen.state


def replace(path: str, before: FileState | None, after: FileState | None, tag: str) -> None:
    """Put `after` in the place of `before`, all or nothing; None removes or creates.

    `tag` (the change's id) goes into the temporary file's name. Raises ChangedMeanwhile where
    the file is not `before` (or its directory is gone), else RepairError.
    """
    with _explaining(path, "write" if after else "remove"), _expected_place(path) as found:
        seen = _look(found)
        if seen.state != before:
            raise ChangedMeanwhile(path)
        if after is not None:
            _write(found, seen, after, tag)
        elif before is not None:
            _unchanged(found, seen)
            os.unlink(found.name, dir_fd=found.directory)
        synchronise(found.directory)


@contextlib.contextmanager
def _expected_place(path: str) -> Iterator[DirectoryEntry]:
    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(place(path))
        except FileNotFoundError as error:
            raise ChangedMeanwhile(path) from error
        yield found


def clear_temporaries(path: str, tag: str) -> None:
    """Remove what an interrupted `replace` of that path and tag left behind. Raises RepairError."""
    with (
        _explaining(path, "clear up beside"),
        contextlib.suppress(FileNotFoundError),
        place(path) as found,
    ):
        for name in names_in(found.directory):
            if name.startswith(f"{PREFIX}{tag}-"):
                # A directory of that name is not ours.
                with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                    os.unlink(name, dir_fd=found.directory)


@contextlib.contextmanager
def _explaining(path: str, doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise explained(error, path, doing) from error


def _look(found: DirectoryEntry, readers: Collection[Account] | None = None) -> _Seen:
    try:
        handle = os.open(found.name, _READ, dir_fd=found.directory)
    except FileNotFoundError:
        return _Seen(None, None)
    except OSError as error:
        if error.errno == errno.ELOOP:  # put there after the walk
            raise Unreachable(f"{found.path} was exchanged for a symbolic link") from error
        if error.errno == errno.ENXIO:
            raise Unreachable(f"{found.path} is not a regular file") from error
        raise
    try:
        status = os.fstat(handle)
        _check_kind(found.path, status)
        if readers is not None:
            require_reader(found, handle, readers)
        content = _content(found.path, handle)
        xattrs, labels = read_attributes(handle)
        identity = _identity(os.fstat(handle))
    finally:
        os.close(handle)
    if identity != _identity(status):
        raise ChangedMeanwhile(found.path, hint="it is being written to right now; try again")
    mode = stat.S_IMODE(status.st_mode)
    state = FileState(content, mode, status.st_uid, status.st_gid, xattrs, labels)
    return _Seen(state, identity)


def _check_kind(path: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Unreachable(f"{path} is not a regular file")
    if status.st_nlink > 1:
        raise Unreachable(
            f"{path} has {status.st_nlink} names (hard links): the others would keep the old "
            "content",
            hint=f"find the others with: find / -xdev -samefile {shlex.quote(path)}",
        )


def _content(path: str, handle: int) -> bytes:
    chunks: list[bytes] = []
    length = 0
    while chunk := os.read(handle, 1 << 20):
        chunks.append(chunk)
        length += len(chunk)
        if length > LIMIT:
            raise Unreachable(f"{path} is larger than {LIMIT >> 20} MiB, which no configuration is")
    return b"".join(chunks)


def _identity(status: os.stat_result) -> FileIdentity:
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _at(found: DirectoryEntry, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=found.directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _unchanged(found: DirectoryEntry, seen: _Seen) -> None:
    now = _at(found, found.name)
    if (_identity(now) if now else None) != seen.identity:
        raise ChangedMeanwhile(found.path)


def _write(found: DirectoryEntry, seen: _Seen, after: FileState, tag: str) -> None:
    temporary = f"{PREFIX}{tag}-{secrets.token_hex(8)}"
    handle = os.open(temporary, _CREATE, 0o600, dir_fd=found.directory)
    try:
        try:
            _fill(handle, after)
            inode = os.fstat(handle).st_ino
        finally:
            os.close(handle)
        _unchanged(found, seen)
        _rename(found, temporary, may_overwrite=seen.state is not None)
    except BaseException:
        _drop(found, temporary)
        raise
    placed = _at(found, found.name)
    if placed is None or placed.st_ino != inode:
        raise RepairError(
            f"{found.path} was exchanged while it was written",
            hint="another process rewrites that directory: stop it, then run the command again",
        )


def _fill(handle: int, after: FileState) -> None:
    """Owner first, mode last: nobody may read a secret in between, and chown clears bits."""
    remaining = memoryview(after.content)
    while remaining:
        remaining = remaining[os.write(handle, remaining) :]
    status = os.fstat(handle)
    if (status.st_uid, status.st_gid) != (after.uid, after.gid):
        os.fchown(handle, after.uid, after.gid)
    write_attributes(handle, after.xattrs, after.labels)
    os.fchmod(handle, after.mode)
    os.fsync(handle)


def _rename(found: DirectoryEntry, temporary: str, may_overwrite: bool) -> None:
    here = found.directory
    if not may_overwrite:
        # link(2) is the call that creates a name and never replaces one.
        try:
            os.link(temporary, found.name, src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)
        except FileExistsError as error:
            raise ChangedMeanwhile(found.path) from error
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
        else:
            os.unlink(temporary, dir_fd=here)
            return
    os.rename(temporary, found.name, src_dir_fd=here, dst_dir_fd=here)


def _drop(found: DirectoryEntry, temporary: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(temporary, dir_fd=found.directory)
