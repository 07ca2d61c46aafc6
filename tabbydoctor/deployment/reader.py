"""As whom the files of a deployment are read: the account that runs, as its unit sets it up."""

from __future__ import annotations

from dataclasses import replace

from tabbydoctor.deployment.parts import Instance, RouterSite
from tabbydoctor.host import Account, Host


def reader(host: Host, part: Instance | RouterSite) -> Account | None:
    """The account, with `Group=` and `SupplementaryGroups=` of its unit; None where not known."""
    user, unit = part.user, part.unit
    if user is None or unit is None:
        return user
    names = (unit.get("Group"), *unit.get("SupplementaryGroups").split())
    if not any(names):
        return user
    known = {group.name: group.gid for group in host.groups()}
    given = [int(name) if name.isdigit() else known.get(name) for name in names]
    further = [gid for gid in given if gid is not None and gid not in user.groups]
    return replace(user, groups=(*user.groups, *further))
