"""Accounts and groups, through the name service (nsswitch.conf(5))."""

from __future__ import annotations

import grp
import os
import pwd
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from tabbydoctor.host import processes
from tabbydoctor.host.access import Shaper
from tabbydoctor.host.data import Account, Group

_NOBODY = 65534
"""The kernel's overflow id: it owns nothing (user_namespaces(7))."""


def accounts() -> Sequence[Account]:
    """Every account that is listed, each with all its groups."""
    memberships: dict[str, list[int]] = defaultdict(list)
    for group in grp.getgrall():
        for member in group.gr_mem:
            memberships[member].append(group.gr_gid)
    return [_account(entry, memberships[entry.pw_name]) for entry in pwd.getpwall()]


def account(name_or_uid: str | int) -> Account | None:
    """One account by name or number; None if there is none."""
    try:
        entry = (
            pwd.getpwuid(name_or_uid) if isinstance(name_or_uid, int) else pwd.getpwnam(name_or_uid)
        )
    except (KeyError, ValueError, OverflowError):
        return None
    return _account(entry, os.getgrouplist(entry.pw_name, entry.pw_gid))


def groups() -> Sequence[Group]:
    """Every group that is listed."""
    return [Group(entry.gr_name, entry.gr_gid, tuple(entry.gr_mem)) for entry in grp.getgrall()]


def unlisted(shaper: Shaper) -> Account:
    """Whoever is meant, with the least that is known of him: at most one group."""
    uid = _NOBODY if shaper.uid is None else shaper.uid
    gid = _NOBODY if shaper.gid is None else shaper.gid
    return Account(str(uid), uid, gid, groups=(gid,))


def has_members(gid: int) -> bool:
    """Whether any account but root is in the group: by group(5), as its primary one, or by what
    runs (`Group=` of a unit needs no member)."""
    try:
        named = set(grp.getgrgid(gid).gr_mem) - {"root"}
    except KeyError:
        named = set()
    primary = any(one.pw_gid == gid and one.pw_uid != 0 for one in pwd.getpwall())
    return bool(named) or primary or any(map(partial(_in_force, gid), processes.pids()))


def _in_force(gid: int, pid: int) -> bool:
    uid, groups = processes.credentials(pid)
    return uid not in (None, 0) and gid in groups


def _account(entry: pwd.struct_passwd, gids: Sequence[int]) -> Account:
    return Account(
        name=entry.pw_name,
        uid=entry.pw_uid,
        gid=entry.pw_gid,
        home=entry.pw_dir,
        shell=entry.pw_shell,
        groups=tuple(dict.fromkeys([entry.pw_gid, *gids])),
    )
