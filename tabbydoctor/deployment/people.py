"""The accounts of the machine, as seen from TabbyAPI: its own, its router's, and all others."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.host import Account, Group, Host
from tabbydoctor.host.access import PathStatus
from tabbydoctor.records import dataclass

_CONTAINED = re.compile(r"/proc/\d+/root/")


@dataclass(frozen=True, slots=True)
class Readers:
    """Accounts that can read something they have no business with."""

    login: tuple[Account, ...] = ()
    """Those that can log in."""
    system: tuple[Account, ...] = ()
    """Those that cannot: daemons."""

    def __bool__(self) -> bool:
        return bool(self.login or self.system)

    @property
    def summary(self) -> str:
        """One name, or how many there are, for a title."""
        accounts = self.login or self.system
        kind = "accounts" if self.login else "system accounts"
        return accounts[0].name if len(accounts) == 1 else f"{len(accounts)} {kind}"

    def named(self, most: int = 5) -> str:
        """The first few by name, and how many more: those that can log in, or else the daemons."""
        names = [account.name for account in self.login or self.system]
        words = names[:most]
        if len(names) > most:
            words.append(f"{len(names) - most} more")
        if self.login and self.system:
            words.append(f"{len(self.system)} of the system's own accounts")
        return " and ".join((", ".join(words[:-1]), words[-1])) if words[1:] else "".join(words)


@dataclass(frozen=True, slots=True)
class People:
    """Every account that is listed, and which of them run the deployment."""

    accounts: tuple[Account, ...]
    groups: tuple[Group, ...] = ()
    service: Account | None = None
    """TabbyAPI's account."""
    router: Account | None = None
    """The router's account."""
    contained: bool = False
    """TabbyAPI runs in a container: who owns a file that is mounted there runs the deployment."""

    @property
    def others(self) -> tuple[Account, ...]:
        """All but root, the service's and the router's."""
        own = {0} | {account.uid for account in (self.service, self.router) if account}
        return tuple(account for account in self.accounts if account.uid not in own)

    def readers(self, path: PathStatus) -> Readers:
        """The others that can read a path, every directory on the way to it considered.

        What is a container's alone nobody of this machine comes at: `/proc/PID/root` is for who
        may trace the process (proc(5)), the engine's storage for root.
        """
        if _CONTAINED.match(path.leaf.path):
            return Readers()
        return _split(
            account
            for account in self.others
            if path.denied_at(account.uid, account.groups, "r") is None
            and not (self.contained and account.uid == path.leaf.uid)
        )

    def members(self, names: Collection[str]) -> Readers:
        """The others that belong to any of the named groups."""
        wanted = {group.gid for group in self.groups if group.name in names}
        return _split(account for account in self.others if wanted & set(account.groups))


def _split(accounts: Iterable[Account]) -> Readers:
    found = tuple(accounts)
    return Readers(
        login=tuple(account for account in found if account.can_log_in),
        system=tuple(account for account in found if not account.can_log_in),
    )


def people(
    host: Host, instance: Instance, router: RouterSite | None, machine: Machine | None = None
) -> People:
    """Who is on this machine. Into a container nobody logs in, whatever accounts its image has."""
    inside = machine is not None and machine.container is not None
    return People(
        accounts=() if inside else tuple(host.accounts()),
        groups=tuple(host.groups()),
        service=instance.user,
        router=router.user if router else None,
        contained=bool(instance.container),
    )


GATHERERS = (people,)
