"""With which user and groups a TabbyAPI runs, now and at its next start (systemd.exec(5))."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.documents import whole_number
from tabbydoctor.facts import Unknown
from tabbydoctor.host import Host
from tabbydoctor.host.data import Group
from tabbydoctor.records import dataclass, field

_NOBODY = 65534


@dataclass(frozen=True, slots=True)
class ServiceGroups:
    """The credentials that decide what the service may open."""

    user: str
    uid: int
    configured: frozenset[int]
    """The groups of the next start: the account's, Group= and SupplementaryGroups=."""
    running: frozenset[int] | None = None
    """The groups in force in the running process; None where it is down or hidden."""
    names: Mapping[int, str] = field(default_factory=dict)
    """Group id -> name."""

    def name_of(self, gid: int) -> str:
        """A group's name, or its number."""
        return self.names.get(gid, str(gid))

    def names_of(self, gids: Collection[int]) -> str:
        """Groups as a list of names."""
        return ", ".join(sorted(self.name_of(gid) for gid in gids)) or "none"


def service_groups(host: Host, instance: Instance) -> ServiceGroups:
    """The service's user and groups. Raises Unknown where the account cannot be told."""
    if instance.container and instance.contained is None:
        raise Unknown(f"TabbyAPI runs in the container {instance.container}: look inside it")
    groups = host.groups()
    names = {group.gid: group.name for group in groups}
    gids = {name: gid for gid, name in names.items()}
    user, uid, own = _account(host, instance)
    if _primary_is_replaced(instance, groups):
        assert instance.user is not None
        own -= {instance.user.gid}
    own |= set(_unit_groups(instance, gids))
    process = instance.process
    running = frozenset(process.groups) if process and process.groups is not None else None
    return ServiceGroups(user, uid, frozenset(own), running, names)


def _primary_is_replaced(instance: Instance, groups: Iterable[Group]) -> bool:
    """Whether Group= stands in place of the account's own group: systemd.exec(5) sets it as
    initgroups(3) does, and that adds the groups alone that name the account as a member."""
    account, unit = instance.user, instance.unit
    if account is None or unit is None or unit.user_manager or not unit.get("Group"):
        return False
    own = (group for group in groups if group.gid == account.gid)
    return not any(account.name in group.members for group in own)


def _account(host: Host, instance: Instance) -> tuple[str, int, set[int]]:
    account, unit, process = instance.user, instance.unit, instance.process
    if account is not None:
        return account.name, account.uid, {account.gid, *account.groups}
    if unit is not None and unit.flag("DynamicUser"):
        return unit.get("User") or "the dynamic user", *_dynamic(host, instance, unit)
    if unit is not None and unit.user == "root":
        return "root", 0, {0}
    if process is not None and process.uid is not None:
        return f"user {process.uid}", process.uid, set(process.groups or ())
    if unit is not None and unit.get("User"):
        no_account = f"{unit.user}, of User= in {unit.name}, is no account of this machine"
        raise Unknown(f"{no_account}: correct User=, or make the account")
    raise Unknown(f"the account of {instance.name} is not known here: name it with --user")


def _unit_groups(instance: Instance, gids: Mapping[str, int]) -> Iterator[int]:
    unit = instance.unit
    if unit is not None:
        for name in unit.group_names:
            gid = _gid(name, gids)
            if gid is not None:
                yield gid


def _dynamic(host: Host, instance: Instance, unit: Unit) -> tuple[int, set[int]]:
    """The user that systemd made up: of the process, else whose its directory was (and is given
    to the next one at its start)."""
    process = instance.process
    if process is not None and process.uid is not None:
        return process.uid, set(process.groups or ())
    for name in unit.get("StateDirectory").split():
        try:
            own = host.status(f"/var/lib/private/{name.split(':', 1)[0]}")
        except OSError:
            continue
        return own.uid, {own.gid}
    return _NOBODY, set()


def _gid(name: str, gids: Mapping[str, int]) -> int | None:
    gid = whole_number(name)
    return gids.get(name) if gid is None else gid


GATHERERS = (service_groups,)
