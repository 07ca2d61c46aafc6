"""TabbyAPI's account cannot write `logs/` in its working directory.

## What it checks
The service's user and groups against mode, owner and ACL of `logs/`, or of the working directory
where there is none yet.

## Why it matters
TabbyAPI opens a log file before anything else: it ends with `PermissionError`. A start as root, or
by another account, has often left the directory behind.

## How it is told
By the kernel's own rules of access, for the account the unit runs as. What the unit's sandbox takes
away is SVC012's; what `DynamicUser=` gives with `StateDirectory=` is not judged. It is a warning
where TabbyAPI answers: its next start will fail.

## What to do
Move the directory aside: TabbyAPI makes one of its own.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.given_by_systemd import given_by_systemd
from tabbydoctor.deployment.log_directory import LogDirectory
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.gpu.service_groups import ServiceGroups
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.tabbyapi.tokens import Tokens

from ..tokens import by_hand_behind


@check(
    "SVC014",
    "logs-denied",
    category="service",
    severity=Severity.ERROR,
    caused_by=("SVC007",),
)
def logs_denied(
    logs: LogDirectory,
    account: ServiceGroups,
    instance: Instance,
    tokens: Tokens | None,
    endpoint: Endpoint | None = None,
) -> Iterator[Finding]:
    if given_by_systemd(instance.unit, logs.path):
        raise Absent(f"systemd gives {account.user} its directory at each start")
    if not logs.exists and (tokens is None or tokens.status is None):
        return  # TOK007 tells of a directory in which nothing can be made
    leaf, way, groups = logs.way.leaf, logs.way, account.configured
    closed = way.denied_at(account.uid, groups, "w") or way.denied_at(account.uid, groups, "x")
    if closed is not leaf:
        return  # nothing is denied, or what is on the way to everything else, too
    # A process alone may be one of a row of starts that all end.
    runs = endpoint is not None and endpoint.reached
    path = shlex.quote(leaf.path)
    yield Finding(
        f"{account.user} cannot write {logs.path}",
        "TabbyAPI opens a log file there before anything else, and ends without one."
        + (" The one that runs was started otherwise: the next start fails." if runs else ""),
        (
            Evidence(
                f"stat {path}",
                f"writable by {account.user}",
                f"mode {leaf.permissions:04o}, owner {leaf.uid}:{leaf.gid}",
            ),
        ),
        (_remedy(logs, account, instance),),
        severity=Severity.WARNING if runs else None,
    )


def _remedy(logs: LogDirectory, account: ServiceGroups, instance: Instance) -> Remedy:
    way, path = logs.way, shlex.quote(logs.path)
    if way.foreign_link:
        return by_hand_behind(way)  # what it leads to is given to nobody
    if logs.exists and way.chain[-2].uid == account.uid:
        title = "Move it aside: TabbyAPI makes one of its own"
        return Remedy(title, Safety.UNSAFE, (f"sudo mv {path} {path}.old", *instance.restart))
    directory = logs.path if logs.exists else posixpath.dirname(logs.path)
    opens = f"sudo setfacl -m u:{shlex.quote(account.user)}:rwx {shlex.quote(directory)}"
    return Remedy(f"Let {account.user} in", Safety.UNSAFE, (opens, *instance.restart))
