"""Whether others may exchange what a path leads to.

Each component is judged before the next one is looked at: what stands below a directory that only
root (and the account itself) may write cannot be exchanged meanwhile. Nothing heavy is imported:
each start of the doctor as root asks this about its own code.
"""

from __future__ import annotations

import errno
import os
import stat

_ACL = "system.posix_acl_access"  # acl(5)
_MOST_LINKS = 40


class Untrusted(Exception):  # noqa: N818 - an answer, not an error
    """Others may exchange `path`; `reason` says why, as the end of a sentence about it."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} {reason}")
        self.path = path
        self.reason = reason


def trusted(path: str, *, closed: bool = False) -> str:
    """The path without links, where none but root and this account can exchange any of it.

    What does not exist yet is taken as it is written. In a sticky directory (/tmp) each account
    can exchange its own entries alone; with `closed` the path may not end in one: nobody else is
    to put a name there. Raises Untrusted; OSError for a loop of links, and for a component that
    is no directory or cannot be seen.
    """
    place, names, links = "/", _names(os.path.abspath(path)), 0
    doubt = _doubt(place, os.lstat(place))
    while names:
        name = names.pop()
        if name == "..":
            place = os.path.dirname(place)
            continue
        here = os.path.join(place, name)
        try:
            status = os.lstat(here)
        except FileNotFoundError:
            names.append(name)
            break
        if not stat.S_ISLNK(status.st_mode):
            place, doubt = here, doubt or _doubt(here, status)
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        if doubt or status.st_uid not in _owners():
            raise Untrusted(here, "is a symbolic link that others may have put there")
        target = os.readlink(here)
        place = "/" if target.startswith("/") else place
        names += _names(target)
    if closed:
        doubt = doubt or _doubt(place, os.lstat(place), sticky=False)
    if doubt:
        raise doubt
    return os.path.join(place, *reversed(names))


def _doubt(path: str, status: os.stat_result, *, sticky: bool = True) -> Untrusted | None:
    """Why others may change an entry of this directory, or this file; `sticky`: that counts."""
    mode = status.st_mode
    if status.st_uid not in _owners():
        return Untrusted(path, f"belongs to {_account(status.st_uid)}")
    if sticky and stat.S_ISDIR(mode) and mode & stat.S_ISVTX:
        return None
    if mode & stat.S_IWOTH:
        return Untrusted(path, f"can be written by everybody (mode {stat.S_IMODE(mode):04o})")
    if mode & stat.S_IWGRP and (_has_acl(path) or _others_in(status.st_gid)):
        return Untrusted(path, f"can be written by its group (mode {stat.S_IMODE(mode):04o})")
    return None


def _owners() -> tuple[int, int]:
    return (0, os.geteuid())


def _has_acl(path: str) -> bool:
    """Whether the group's bits are the mask of an access control list."""
    try:
        os.getxattr(path, _ACL, follow_symlinks=False)
    except OSError as error:
        return error.errno not in (errno.ENODATA, errno.ENOTSUP)
    return True


def _others_in(group: int) -> bool:
    """Whether an account that is neither root nor this one is known to be in the group."""
    import grp
    import pwd

    try:
        names = set(grp.getgrgid(group).gr_mem)
    except KeyError:
        names = set()
    accounts = pwd.getpwall()
    return any(
        one.pw_uid not in _owners() and (one.pw_gid == group or one.pw_name in names)
        for one in accounts
    ) or not names <= {one.pw_name for one in accounts}


def _account(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _names(path: str) -> list[str]:
    """The components, the first one last."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]
