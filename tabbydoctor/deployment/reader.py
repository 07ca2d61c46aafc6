"""As whom the files of a deployment are read: the account that runs, as its unit sets it up."""

from __future__ import annotations

import stat

from tabbydoctor.deployment.parts import Instance, RouterSite
from tabbydoctor.host import Account, Host, Process
from tabbydoctor.records import replace

_NOBODY = 65534


def reader(host: Host, part: Instance | RouterSite) -> Account | None:
    """The account, with `Group=` and `SupplementaryGroups=` of its unit; None where not known."""
    user, unit = part.user or _unlisted(part), part.unit
    names = unit.group_names if unit else ()
    if user is None or not names:
        return user
    known = {group.name: group.gid for group in host.groups()}
    given = [int(name) if name.isdigit() else known.get(name) for name in names]
    further = [gid for gid in given if gid is not None and gid not in user.groups]
    return replace(user, groups=(*user.groups, *further))


def teller(host: Host, part: Instance | RouterSite) -> Account | None:
    """The account by whose word alone a part is what it is and its files are where they are.

    Anybody may run a program in any directory and with any arguments, or have a unit in his own
    manager that names any file. None where root says it (a unit of the system's, a file that the
    user names), where the account is root, or where the doctor is not.
    """
    if host.effective_uid() != 0 or (part.unit is not None and not part.unit.user_manager):
        return None
    box = part.contained if isinstance(part, Instance) else None
    if box is not None and box.ended is not None:
        return box.owner  # its engine's records are all that there is
    told = part.unit is not None or part.process is not None
    account = reader(host, part) if told else None
    return account if account is not None and account.uid != 0 else None


def eyes(host: Host, part: Instance | RouterSite) -> Host:
    """The host, seen by the account by whose word alone a part is there; else as it is."""
    account = teller(host, part)
    return host if account is None else host.seen_by(account)


def has_lent_rights(host: Host, process: Process) -> bool:
    """Whether its program has its rights from its file (execve(2)), as su has: the arguments, the
    directory and the environment are those of whoever started it."""
    try:
        mode = host.status(f"/proc/{process.pid}/exe").mode
    except OSError:
        return False
    return bool(mode & (stat.S_ISUID | stat.S_ISGID))


def _unlisted(part: Instance | RouterSite) -> Account | None:
    """The account of a process that no name service lists, of a user namespace, say."""
    process = part.process
    if process is None or process.uid is None or part.unit is not None:
        return None
    groups = process.groups or (_NOBODY,)
    return Account(f"#{process.uid}", process.uid, groups[0], groups=groups)
