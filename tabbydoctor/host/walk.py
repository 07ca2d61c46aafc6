"""Walking a path by handles, one component after the other, and telling who could have bent it.

A service's account may put a link anywhere into a directory of its own, rename what is in it, and
do so at any moment. So no path is handed to the kernel whole: each component is opened relative to
the one before with O_NOFOLLOW (openat(2)), and what was opened is what is judged and used.

A way is *trusted* as long as none but root and the doctor's own user could have exchanged anything
on it. From the first place where somebody else could, that account is its *shaper*.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator

from tabbydoctor.host import processes
from tabbydoctor.host.access import PathStatus, Shaper
from tabbydoctor.host.accounts import has_members
from tabbydoctor.host.data import FileStatus
from tabbydoctor.records import dataclass, field

LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_LINKS = 40
_ACL, _LABEL = "system.posix_acl_access", "security.selinux"
_INSIDE = re.compile(r"(?P<root>/proc/(?P<pid>\d+)/root)(?P<path>/.*|$)", re.DOTALL)
"""The file system as a process sees it: the link is the kernel's, its text means nothing here."""


@dataclass(frozen=True, slots=True)
class _Level:
    """A directory on the way."""

    handle: int
    path: str
    status: FileStatus
    trusted: bool
    """Nobody else can have exchanged this directory or one above it."""
    closed: bool
    """Nobody else can put names into it."""


@dataclass(slots=True)
class Walk:
    """A path as it is walked: the directories that are open, and what was met on the way."""

    asked: str
    root: str
    """What `/` is, as text for messages: empty, or `/proc/42/root`."""
    levels: list[_Level] = field(default_factory=list)
    searched: dict[str, FileStatus] = field(default_factory=dict)
    """Every directory that was searched, in order."""
    shaper: Shaper | None = None
    """Who first could have exchanged something on the way; None on a trusted one."""
    foreign_link: str = ""
    """The first link on the way that others than root may have put there."""
    kernel: int | None = None
    """The device of /proc, whose entries belong to processes and are made by the kernel alone."""

    def enter(self, handle: int, path: str) -> None:
        """Go down into an opened directory. The walk closes its handle."""
        status = described(path, os.fstat(handle), handle)
        level = self.judged(handle, path, status)
        self.levels.append(level)
        self.searched.setdefault(path, status)
        if not level.trusted and self.shaper is None:
            self.shaper = _shaper(status)

    def up(self) -> None:
        """Leave the innermost directory; `/` stays."""
        if len(self.levels) > 1:
            os.close(self.levels.pop().handle)

    def restart(self) -> None:
        """Back to `/`, for the target of an absolute link."""
        while len(self.levels) > 1:
            self.up()

    def below(self, name: str) -> str:
        """The path of a name in the innermost directory."""
        return f"{self.levels[-1].path.rstrip('/')}/{name}"

    def follow(self, link: int, name: str) -> str:
        """The text of an opened link, noting whose it may be."""
        level, path = self.levels[-1], self.below(name)
        status = os.fstat(link)
        own = status.st_uid in _ours() or status.st_dev == self.kernel
        if not (level.trusted and level.closed and own):
            self.foreign_link = self.foreign_link or path
            self.shaper = self.shaper or _shaper(described(path, status, None))
        return os.readlink("", dir_fd=link)

    def close(self) -> None:
        """Close every directory."""
        for level in self.levels:
            os.close(level.handle)

    def judged(self, handle: int, path: str, status: FileStatus) -> _Level:
        """What a directory in the innermost one would be to the walk."""
        above = self.levels[-1] if self.levels else None
        trusted = above is None or above.trusted
        if path == f"{self.root}/proc" and trusted and not self.root:
            self.kernel = status.filesystem
        if self.kernel is not None and status.filesystem == self.kernel:
            return _Level(handle, path, status, trusted, True)
        closed = status.uid in _ours() and not _others_write(status)
        # In a sticky directory (/tmp) nobody can exchange what belongs to somebody else.
        kept = closed or (status.uid in _ours() and bool(status.mode & stat.S_ISVTX))
        return _Level(handle, path, status, kept and trusted, closed)


def seen_by_process(path: str) -> bool:
    """Whether a path is one of a process's own root (`/proc/PID/root/…`, a container's)."""
    return _INSIDE.fullmatch(path) is not None


@contextlib.contextmanager
def walk(path: str, root: str = "/") -> Iterator[Walk]:
    """A walk that stands at `/`: below `root`, or of the process of a `/proc/PID/root` path."""
    inside = _INSIDE.fullmatch(path) if root == "/" else None
    found = Walk(inside["path"] if inside else path, inside["root"] if inside else "")
    start = inside["root"] if inside else root
    handle = os.open(start, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    found.enter(handle, found.root or "/")
    if inside:
        found.shaper = _process(inside["pid"])
    try:
        yield found
    finally:
        found.close()


@dataclass(frozen=True, slots=True)
class Found:
    """What stands at the end of a way."""

    handle: int
    """O_PATH: to look at, and to open anew through /proc/self/fd."""
    way: PathStatus


@contextlib.contextmanager
def find(path: str, root: str = "/") -> Iterator[Found]:
    """The thing at a path, every link followed, with all that led to it. Raises OSError."""
    with walk(path, root) as walked:
        name = descend(walked)
        if name is None:
            leaf = os.dup(walked.levels[-1].handle)
        else:
            leaf = os.open(name, LOOK, dir_fd=walked.levels[-1].handle)
        try:
            yield Found(leaf, _way(walked, leaf, name))
        finally:
            os.close(leaf)


def _way(walked: Walk, leaf: int, name: str | None) -> PathStatus:
    where = walked.below(name) if name is not None else walked.levels[-1].path
    status = described(where, os.fstat(leaf), leaf)
    if stat.S_ISLNK(status.mode):  # put there after the walk
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), where)
    above = [one for path, one in walked.searched.items() if path != where]
    shaper = walked.shaper or _of_open_directory(walked, status)
    inside = shaper
    if shaper is None and status.is_directory and name is not None:
        level = walked.judged(leaf, where, status)
        inside = None if level.closed else _shaper(status)
    return PathStatus((*above, status), shaper, walked.foreign_link, inside)


def _of_open_directory(walked: Walk, status: FileStatus) -> Shaper | None:
    """Who may have put a thing into a sticky directory: its owner or, a hard link, anybody."""
    if walked.levels[-1].closed:
        return None
    if status.link_count > 1 and not status.is_directory:
        return Shaper(None, None)
    return None if status.uid in _ours() else _shaper(status)


def descend(walked: Walk) -> str | None:
    """Open every directory of the path; the name of the thing in the last one is returned.

    None where the path leads to a directory that is open already (`/`, or one that ends in `..`).
    The name is no link when it is returned, and need not exist. Raises OSError.
    """
    path = walked.asked
    names, links = components(path), 0
    while names:
        name = names.pop()
        if name == "..":
            walked.up()
            continue
        here = walked.levels[-1]
        try:
            entry = os.open(name, LOOK, dir_fd=here.handle)
        except FileNotFoundError:
            if names:
                raise
            return name
        kind = os.fstat(entry).st_mode
        if stat.S_ISDIR(kind) and names:
            walked.enter(entry, walked.below(name))
            continue
        try:
            if not stat.S_ISLNK(kind):
                if names:
                    raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
                return name
            links += 1
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            target = walked.follow(entry, name)
            if target.startswith("/"):
                walked.restart()
            names += components(target)
        finally:
            os.close(entry)
    return None


def components(path: str) -> list[str]:
    """The names of a path, the first one last."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def described(
    path: str, found: os.stat_result, handle: int | None, link_target: str | None = None
) -> FileStatus:
    """A status as data, with the access control list of what is open behind the handle."""
    return FileStatus(
        path=path,
        mode=found.st_mode,
        uid=found.st_uid,
        gid=found.st_gid,
        size=found.st_size,
        modified=found.st_mtime,
        device=found.st_rdev,
        acl=_attribute(handle, _ACL) if handle is not None else None,
        link_target=link_target,
        changed=found.st_ctime,
        filesystem=found.st_dev,
        inode=found.st_ino,
        link_count=found.st_nlink,
        label=_label(handle) if handle is not None else "",
    )


def _label(handle: int) -> str:
    """The kernel ends it with a zero byte."""
    return (_attribute(handle, _LABEL) or b"").rstrip(b"\0").decode("ascii", errors="replace")


def _attribute(handle: int, name: str) -> bytes | None:
    try:
        # An O_PATH handle knows no fgetxattr(2); its name in /proc does.
        return os.getxattr(f"/proc/self/fd/{handle}", name)
    except OSError:
        return None


def _ours() -> tuple[int, int]:
    return 0, os.geteuid()


def _others_write(status: FileStatus) -> bool:
    """Whether any account but root and the owner may put names into a directory."""
    if not status.mode & stat.S_IWGRP:
        return bool(status.mode & stat.S_IWOTH)
    # With an access control list the group's bits are its mask: whom it names is not told by them.
    return bool(status.mode & stat.S_IWOTH or status.acl) or has_members(status.gid)


def _shaper(status: FileStatus) -> Shaper:
    """The least that is known of who may write there: the owner, a group, or anybody."""
    if status.uid not in _ours():
        return Shaper(status.uid, status.gid)
    by_group = status.mode & stat.S_IWGRP and not status.mode & stat.S_IWOTH
    return Shaper(None, status.gid if by_group else None)


def _process(pid: str) -> Shaper:
    # Its directory in /proc is root's where it has root's rights by its file.
    uid, groups = processes.credentials(int(pid))
    if uid is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"/proc/{pid}")
    return Shaper(uid, groups[0] if groups else None)
