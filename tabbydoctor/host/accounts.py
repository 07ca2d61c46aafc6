"""Accounts and groups, through the name service (nsswitch.conf(5))."""

from __future__ import annotations

import grp
import os
import pwd
from collections import defaultdict
from collections.abc import Sequence

from tabbydoctor.host.data import Account, Group


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


def _account(entry: pwd.struct_passwd, gids: Sequence[int]) -> Account:
    return Account(
        name=entry.pw_name,
        uid=entry.pw_uid,
        gid=entry.pw_gid,
        home=entry.pw_dir,
        shell=entry.pw_shell,
        groups=tuple(dict.fromkeys([entry.pw_gid, *gids])),
    )
