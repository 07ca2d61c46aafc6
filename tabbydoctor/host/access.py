"""Who may open a path: mode bits, owner, groups and POSIX ACL (acl(5), path_resolution(7))."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator
from typing import Literal

from tabbydoctor.host.data import FileStatus
from tabbydoctor.records import dataclass

_PRIVATE = frozenset({"/var/lib/private", "/var/cache/private", "/var/log/private"})
"""Where systemd keeps the directories of `DynamicUser=`, closed to all: a service has its own
mounted in its namespace (systemd.exec(5))."""
_DYNAMIC = range(61184, 65520)
"""The users that systemd makes up for a service while it runs, and nobody else ever has."""
Want = Literal["r", "w", "x"]
_BIT = {"r": 4, "w": 2, "x": 1}
_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 1, 2, 4, 8, 16, 32


@dataclass(frozen=True, slots=True)
class Shaper:
    """Who could have exchanged something on a way: an account, a group's members, or anybody."""

    uid: int | None
    """The account; None where several could."""
    gid: int | None = None
    """Its group, or the group whose members could; None for anybody."""


@dataclass(frozen=True, slots=True)
class PathStatus:
    """The status of a path and of every directory on the way to it, `/` first."""

    chain: tuple[FileStatus, ...]
    shaper: Shaper | None = None
    """Who first could have exchanged something on the way; None where only root could."""
    foreign_link: str = ""
    """The first link on the way that others than root may have put there."""
    inside: Shaper | None = None
    """Of a directory: who could exchange what is in it, as `shaper` of the paths below it."""

    @property
    def leaf(self) -> FileStatus:
        """The thing itself."""
        return self.chain[-1]

    @property
    def own_file(self) -> bool:
        """Whether the thing itself belongs to whoever could have bent the way, no link on it.

        Only then may he be asked to open it to others: it is his to give.
        """
        return bool(self.shaper and self.shaper.uid == self.leaf.uid and not self.foreign_link)

    def denied_at(self, uid: int, groups: Collection[int], want: Want) -> FileStatus | None:
        """What first denies an account the access: a directory on the way, or the thing itself."""
        for place, directory in enumerate(self.chain[:-1]):
            mounted = directory.path in _PRIVATE and _own(self.chain[place + 1 :], uid)
            if not mounted and not allows(directory, uid, groups, "x"):
                return directory
        return None if allows(self.leaf, uid, groups, want) else self.leaf


def _own(below: Iterable[FileStatus], uid: int) -> bool:
    """Whether one of the directories is a service's own, and that account its user."""
    return uid in _DYNAMIC and any(one.is_directory and one.uid == uid for one in below)


def allows(status: FileStatus, uid: int, groups: Collection[int], want: Want) -> bool:
    """Whether the kernel would let a process of that user and those groups do it.

    Root may read and write everything, and search every directory (capabilities(7)).
    """
    if uid == 0:
        return want != "x" or status.is_directory or bool(status.mode & 0o111)
    bit = _BIT[want]
    # Linux looks at an ACL only if its mask (shown as the group's bits) grants anything at all:
    # otherwise a named user or group gets what all others get (acl_permission_check, fs/namei.c).
    if status.acl and status.mode & 0o070:
        return _acl_allows(status, uid, groups, bit)
    if uid == status.uid:
        return bool(status.mode >> 6 & bit)
    if status.gid in groups:
        return bool(status.mode >> 3 & bit)
    return bool(status.mode & bit)


def _acl_allows(status: FileStatus, uid: int, groups: Collection[int], bit: int) -> bool:
    entries = list(_acl_entries(status.acl or b""))
    mask = next((perm for tag, perm, _ in entries if tag == _MASK), 7)
    for tag, perm, who in entries:
        if tag == _USER_OBJ and uid == status.uid:
            return bool(perm & bit)
        if tag == _USER and uid == who:
            return bool(perm & mask & bit)
    matching = [
        perm
        for tag, perm, who in entries
        if (tag == _GROUP_OBJ and status.gid in groups) or (tag == _GROUP and who in groups)
    ]
    if matching:
        return any(perm & mask & bit for perm in matching)
    return any(perm & bit for tag, perm, _ in entries if tag == _OTHER)


def _acl_entries(raw: bytes) -> Iterator[tuple[int, int, int]]:
    """(tag, permissions, id) of the kernel's `system.posix_acl_access` format, version 2."""
    for offset in range(4, len(raw) - 7, 8):
        yield struct.unpack_from("<HHI", raw, offset)
