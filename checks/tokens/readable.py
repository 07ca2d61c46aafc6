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
from tabbydoctor.deployment.parts import Instance, RouterSite
from tabbydoctor.deployment.people import People, Readers
from tabbydoctor.host.access import PathStatus
from tabbydoctor.routers.tokens_permissions import by_list, closed
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
    router: RouterSite | None = None,
) -> Iterator[Finding]:
    file = paths.on_machine
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
            *_closed(file, people, router),
            rotation(instance, tokens),
        ),
        severity=Severity.WARNING if warn else Severity.INFO,
    )


def _closed(file: PathStatus, people: People, router: RouterSite | None) -> Iterator[Remedy]:
    if file.foreign_link:
        yield by_hand_behind(file)
        return
    commands = _commands(file, people, router)
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


def _commands(file: PathStatus, people: People, router: RouterSite | None) -> tuple[str, ...]:
    """None where only root could give it to the service, in a directory that is not root's: a
    `chown` there may be led anywhere (the doctor writes the file anew).
    """
    narrowed = closed(file, people, router)
    if narrowed is None:
        return () if file.shaper else by_list(file.leaf.path, people)
    taken = file.shaper and (file.leaf.uid == 0 or narrowed.uid != file.leaf.uid)
    return () if taken else narrowed.commands(file, people)
