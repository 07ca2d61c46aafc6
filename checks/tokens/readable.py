"""Accounts that have nothing to do with TabbyAPI can read its keys.

## What it checks
Which accounts, other than root, the service's and the router's, can read `api_tokens.yml`.

## Why it matters
TabbyAPI makes the file with the service's umask, usually readable by every local user. With
the admin key anyone can load and unload models, and read what passes.

## How it is told
Mode, owner, groups and ACL of the file and of every directory on the way to it, judged for
every account. Accounts that can log in make it a warning, daemons alone a remark.

## What to do
Take the permission away, then rotate the keys if people you do not trust could read them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import CURE, Absent, Cure, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.people import People, Readers
from tabbydoctor.host.access import PathStatus
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.token_paths import TokenPaths
from tabbydoctor.tabbyapi.tokens import Tokens

from ..key_rotation import rotation
from . import by_hand_behind


@check(
    "TOK004",
    "tokens-readable",
    category="tokens",
    severity=Severity.WARNING,
    cure=Cure("tabbydoctor.remedies.files:close_tokens", Safety.SAFE),
)
def readable(
    tokens: Tokens,
    paths: TokenPaths,
    people: People,
    instance: Instance,
    config: EffectiveConfig | None,
) -> Iterator[Finding]:
    file = paths.file
    if file is None or not file.leaf.is_file:
        raise Absent(f"there is no {tokens.path}")
    readers = people.readers(file)
    if not readers:
        return
    unused = config is not None and config.auth_disabled
    warn = bool(readers.login) and not unused
    yield Finding(
        f"{_counted(readers)} can read {tokens.path}",
        "Whoever reads it can use TabbyAPI as an administrator"
        + (" once authentication is on again." if unused else "."),
        (
            Evidence(
                f"stat {shlex.quote(tokens.path)}",
                "readable by the service and root alone",
                f"mode {file.leaf.permissions:04o}"
                + (", with an ACL" if file.leaf.acl else "")
                + f"; read by {_named(readers)}",
            ),
        ),
        (
            *_closed(file, people),
            rotation(instance, tokens),
        ),
        severity=Severity.WARNING if warn else Severity.INFO,
    )


def _closed(file: PathStatus, people: People) -> Iterator[Remedy]:
    if file.foreign_link:
        yield by_hand_behind(file)
        return
    commands = closing(file, people)
    if commands:
        yield Remedy("Close the file to others", Safety.SAFE, commands)
    yield CURE


def _counted(readers: Readers) -> str:
    """Of both kinds, those that matter; one goes by its name."""
    several = len(readers.login) > 1
    return f"{len(readers.login)} login accounts" if several else readers.summary


def _named(readers: Readers) -> str:
    if not (readers.login and readers.system):
        return readers.named()
    count = len(readers.system)
    system = f"{count} system account{'s' if count > 1 else ''}"
    return f"{Readers(readers.login).named()}, who can log in; by {system}, too"


def closing(file: PathStatus, people: People) -> tuple[str, ...]:
    """The commands that leave a file to its service (and to the router that reads it).

    None where only root could give it to the service, in a directory that is not root's: a `chown`
    there may be led anywhere (the doctor writes the file anew).
    """
    leaf, service, router = file.leaf, people.service, people.router
    if file.shaper and (leaf.uid == 0 or (service and leaf.uid != service.uid)):
        return ()
    path = shlex.quote(leaf.path)
    commands = [f"sudo setfacl -b {path}"] if leaf.acl else []
    if service and leaf.uid != service.uid:
        commands.append(f"sudo chown {shlex.quote(service.name)} {path}")
    commands.append(f"sudo chmod 600 {path}")
    own = {0, service.uid if service else leaf.uid}
    if router and router.uid not in own and not file.denied_at(router.uid, router.groups, "r"):
        commands.append(f"sudo setfacl -m u:{shlex.quote(router.name)}:r {path}")
    return tuple(commands)
