"""TabbyAPI's logs hold keys, and others can read them.

## What it checks
Whether `logs/*.log` in the working directory or the journal hold keys, and which accounts,
other than root, the service's and the router's, can read them.

## Why it matters
TabbyAPI prints its keys when it starts, and `logging.log_requests` writes the headers of every
request. The log files are readable by everyone, the journal by the groups adm and
systemd-journal.

## How it is told
The beginning of the newest log files is searched for what TabbyAPI writes beside a key; the
log of the present run tells the same of the journal. Keys are not shown.

## What to do
Close the files, take accounts out of the groups, and rotate the keys if people you do not
trust could read them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, Unknown, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.deployment.people import People, Readers
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.log_holdings import KeptLog, LogHoldings
from tabbydoctor.tabbyapi.log_lines import says
from tabbydoctor.tabbyapi.tokens import Tokens

from ..key_rotation import rotation
from . import by_hand_behind

_JOURNAL_GROUPS = ("adm", "systemd-journal")


@check("TOK009", "logs-hold-keys", category="tokens", severity=Severity.WARNING)
def logs_hold_keys(
    holdings: LogHoldings,
    people: People,
    instance: Instance,
    log: RunLog | None,
    tokens: Tokens | None,
    machine: Machine | None = None,
) -> Iterator[Finding]:
    found = [(kept, people.readers(kept.path)) for kept in holdings.files]
    open_files = [(kept, readers) for kept, readers in found if readers]
    if open_files:
        yield _files(open_files, instance, tokens)
    if log and log.source.startswith("journalctl") and says(log, "auth-on"):
        members = people.members(_JOURNAL_GROUPS)
        if members:
            yield _journal(members, _leave(members, people, machine), instance, tokens)
    if holdings.problem and not open_files:
        raise Unknown(holdings.problem)


def _files(
    found: list[tuple[KeptLog, Readers]], instance: Instance, tokens: Tokens | None
) -> Finding:
    kept, readers = max(found, key=lambda one: len(one[1].login))
    return Finding(
        f"{readers.summary} can read keys in {kept.path.leaf.path}",
        _many_files(len(found)),
        tuple(
            Evidence(
                f"{one.path.leaf.path}:{one.line}",
                "readable by the service and root alone",
                f"mode {one.path.leaf.permissions:04o}; read by {who.named()}",
            )
            for one, who in found
        ),
        (_close(found, instance), rotation(instance, tokens)),
        severity=Severity.WARNING if readers.login else Severity.INFO,
    )


def _close(found: list[tuple[KeptLog, Readers]], instance: Instance) -> Remedy:
    linked = next((one for one, _ in found if one.path.foreign_link), None)
    if linked:
        return by_hand_behind(linked.path)
    logs = shlex.quote(f"{instance.directory}/logs")
    paths = [shlex.quote(one.path.leaf.path) for one, _ in found]
    return Remedy(
        "Close the directory of the logs, and the files",
        Safety.SAFE,
        (f"sudo chmod 700 {logs}", *(f"sudo chmod 600 {path}" for path in paths)),
    )


def _many_files(count: int) -> str:
    if count == 1:
        return "This log file of TabbyAPI's holds keys and is open to others."
    return f"{count} of TabbyAPI's newest log files hold keys and are open to others."


def _leave(members: Readers, people: People, machine: Machine | None) -> Remedy:
    title = "Take accounts that are not administrators out of the groups"
    if machine and machine.nixos:
        return by_rebuild(f"{title}: extraGroups of users.users")
    commands = tuple(
        f"sudo gpasswd -d {shlex.quote(account.name)} {group.name}"
        for account in members.login[:5]
        for group in people.groups
        if group.name in _JOURNAL_GROUPS and group.gid in account.groups
    )
    return Remedy(title, Safety.MANUAL, commands)


def _journal(members: Readers, leave: Remedy, instance: Instance, tokens: Tokens | None) -> Finding:
    return Finding(
        f"{members.summary} can read keys in the journal",
        "TabbyAPI prints its keys at start, and members of the groups adm and systemd-journal "
        "may read every service's log.",
        (
            Evidence(
                "getent group adm systemd-journal",
                "no account but administrators",
                f"members: {members.named()}",
            ),
        ),
        (
            leave,
            rotation(instance, tokens),
        ),
        severity=Severity.WARNING if members.login else Severity.INFO,
    )
