"""Mode and owner of the tokens file: the narrowest that leave it to those who need it.

What a check prints to paste and what `fix` does come from here.
"""

from __future__ import annotations

import shlex
import stat
from collections.abc import Iterator

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.people import People
from tabbydoctor.host import Account
from tabbydoctor.host.access import PathStatus
from tabbydoctor.records import dataclass, replace
from tabbydoctor.routers.reach import may_read

OWN = 0o600
"""Of a tokens file that its account alone reads."""


@dataclass(frozen=True, slots=True)
class Permissions:
    """Mode, owner and group of a file; an access control list it has goes."""

    mode: int
    uid: int
    gid: int

    def after(self, file: PathStatus) -> PathStatus:
        """The way to the file, as it will be."""
        mode = stat.S_IFREG | self.mode
        leaf = replace(file.leaf, mode=mode, uid=self.uid, gid=self.gid, acl=None)
        return PathStatus((*file.chain[:-1], leaf))

    def commands(self, file: PathStatus, people: People) -> tuple[str, ...]:
        """What a person types for it."""
        leaf, path = file.leaf, shlex.quote(file.leaf.path)
        forget = (f"sudo setfacl -b {path}",) if leaf.acl else ()
        owner = _owner(self, people) if (leaf.uid, leaf.gid) != (self.uid, self.gid) else ""
        give = (f"sudo chown {shlex.quote(owner)} {path}",) if owner else ()
        # Without its list a mode may be another (acl(5)), and chown(2) may clear bits of it.
        other = forget or give or leaf.permissions != self.mode
        narrow = (f"sudo chmod {self.mode:o} {path}",) if other else ()
        return (*forget, *give, *narrow)


def closed(file: PathStatus, people: People, router: RouterSite | None) -> Permissions | None:
    """Those that leave it to the service, and to the router that reads it now.

    None where only an access control list could say that.
    """
    leaf = file.leaf
    uid = people.service.uid if people.service else leaf.uid
    for one in _choices(leaf.gid, uid, router):
        narrowed = replace(one, mode=one.mode & leaf.permissions)
        after = narrowed.after(file)
        if not people.readers(after) and _keeps(after, file, people, router):
            return narrowed
    return None


def given(
    file: PathStatus, people: People, router: RouterSite | None, user: Account
) -> Permissions | None:
    """Those that give it to an account, and open it to nobody else who could not read it before."""
    could = people.readers(file)
    for one in _choices(file.leaf.gid, user.uid, router):
        after = one.after(file)
        now = people.readers(after)
        wider = {*now.login, *now.system} - {*could.login, *could.system}
        if not wider and _keeps(after, file, people, router):
            return one
    return None


def moved(stray: str, to: str, user: Account | None) -> tuple[str, ...]:
    """The commands that put a file where TabbyAPI looks, over none that is there, as its own where
    `user` is named."""
    path = shlex.quote(to)
    move = f"sudo mv -n {shlex.quote(stray)} {path}"
    if user is None:
        return (move,)
    return move, f"sudo chown {shlex.quote(user.name)}: {path}", f"sudo chmod {OWN:o} {path}"


def by_list(path: str, people: People) -> tuple[str, ...]:
    """The commands that say it by an access control list, where no mode and owner can."""
    quoted = shlex.quote(path)
    own = (f"sudo chown {shlex.quote(people.service.name)} {quoted}",) if people.service else ()
    router = people.router
    others = (f"sudo setfacl -m u:{shlex.quote(router.name)}:r {quoted}",) if router else ()
    return (*own, f"sudo chmod 600 {quoted}", *others)


def _choices(gid: int, uid: int, router: RouterSite | None) -> Iterator[Permissions]:
    """The narrowest first: the owner alone, the group it has, the router's own group."""
    yield Permissions(OWN, uid, gid)
    yield Permissions(0o640, uid, gid)
    if router and router.user:
        yield Permissions(0o640, uid, router.user.gid)


def _keeps(
    after: PathStatus, before: PathStatus, people: People, router: RouterSite | None
) -> bool:
    """Whether the service can read it, and the router still can if it could."""
    service = people.service
    if service and after.denied_at(service.uid, service.groups, "r") is not None:
        return False
    read = router is not None and may_read(router, people, before)
    return not read or (router is not None and may_read(router, people, after))


def _owner(one: Permissions, people: People) -> str:
    users = {account.uid: account.name for account in people.accounts}
    groups = {group.gid: group.name for group in people.groups}
    return f"{users.get(one.uid, one.uid)}:{groups.get(one.gid, one.gid)}"
