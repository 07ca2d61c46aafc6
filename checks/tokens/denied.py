"""TabbyAPI's account cannot read its tokens file, or cannot create it.

## What it checks
The service's user and groups against mode, owner and ACL of the file and of every directory on
the way to it, and the unit's sandbox (`ProtectSystem=`, `ProtectHome=`, `ReadOnlyPaths=`, …).

## Why it matters
TabbyAPI exits with status 1, and only after the model was loaded.

## How it is told
By the kernel's own rules of access, for the account the unit runs as. A file that is there must
be readable; where there is none, the directory must be writable. What `DynamicUser=` gives the
service with `StateDirectory=` is closed from outside and open to it: it is not judged.

## What to do
Give the file (or the directory) to the service's account, or open the directory with
`ReadWritePaths=`.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator

from tabbydoctor.api import CURE, Cure, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.given_by_systemd import given_by_systemd
from tabbydoctor.deployment.nixos import managed
from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.deployment.people import People
from tabbydoctor.deployment.sandbox import Rule, forbids_writing, hides
from tabbydoctor.gpu.service_groups import ServiceGroups
from tabbydoctor.host import FileStatus
from tabbydoctor.host.access import PathStatus
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.nixos.service import option_lines
from tabbydoctor.routers.tokens_permissions import by_list, given
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.token_paths import TokenPaths
from tabbydoctor.tabbyapi.tokens import Tokens

from ..key_rotation import rotation
from . import by_hand_behind, require_auth, start


@check(
    "TOK007",
    "tokens-denied",
    category="tokens",
    severity=Severity.ERROR,
    cure=Cure("tabbydoctor.remedies.files:own_tokens", Safety.SAFE),
)
def denied(
    tokens: Tokens,
    paths: TokenPaths,
    config: EffectiveConfig,
    instance: Instance,
    account: ServiceGroups,
    machine: Machine | None = None,
    people: People | None = None,
    router: RouterSite | None = None,
) -> Iterator[Finding]:
    require_auth(config)
    if given_by_systemd(instance.unit, tokens.path):
        return
    if paths.file is not None:
        give = _giving(paths.file, instance, account, people, router)
        yield from _unreadable(tokens, paths.file, instance, account, machine, give)
    elif paths.directory is not None:
        yield from _cannot_create(tokens, paths.directory, instance, account, machine)


def _unreadable(
    tokens: Tokens,
    file: PathStatus,
    instance: Instance,
    account: ServiceGroups,
    machine: Machine | None,
    give: tuple[str, ...],
) -> Iterator[Finding]:
    rule = hides(instance.unit, tokens.path)
    if rule:
        yield _sandboxed(tokens, instance, machine, rule, "see")
        return
    barrier = file.denied_at(account.uid, account.configured, "r")
    if barrier is None:
        return
    path = shlex.quote(barrier.path)
    yield Finding(
        f"{account.user} cannot read {tokens.path}",
        f"TabbyAPI runs as {account.user} and exits without it.",
        (
            Evidence(
                f"stat {path}",
                f"open to {account.user}",
                f"mode {barrier.permissions:04o}, owner {barrier.uid}:{barrier.gid}",
            ),
        ),
        tuple(_opened(tokens, file, barrier, instance, account, give)),
    )


def _opened(
    tokens: Tokens,
    file: PathStatus,
    barrier: FileStatus,
    instance: Instance,
    account: ServiceGroups,
    give: tuple[str, ...],
) -> Iterator[Remedy]:
    path, user = shlex.quote(barrier.path), shlex.quote(account.user)
    if file.own_file and barrier is file.leaf:
        commands: tuple[str, ...] = (f"sudo setfacl -m u:{user}:r {path}",)
        yield Remedy(f"Open it to {account.user}", Safety.SAFE, (*commands, *start(instance)))
        return
    if file.shaper:
        # Whoever could have put it there must not be given what it holds.
        yield from _by_hand(tokens, file, instance, account)
        return
    commands = give if barrier is file.leaf else (f"sudo setfacl -m u:{user}:x {path}",)
    yield Remedy(f"Open it to {account.user}", Safety.SAFE, (*commands, *start(instance)))
    if barrier is file.leaf and instance.user:
        yield CURE


def _giving(
    file: PathStatus,
    instance: Instance,
    account: ServiceGroups,
    people: People | None,
    router: RouterSite | None,
) -> tuple[str, ...]:
    """The commands that give the file to the account."""
    path = shlex.quote(file.leaf.path)
    if people is None or instance.user is None:
        return (f"sudo chown {shlex.quote(account.user)} {path}", f"sudo chmod 600 {path}")
    one = given(file, people, router, instance.user)
    return one.commands(file, people) if one else by_list(file.leaf.path, people)


def _by_hand(
    tokens: Tokens, file: PathStatus, instance: Instance, account: ServiceGroups
) -> Iterator[Remedy]:
    if file.foreign_link:
        yield by_hand_behind(file)
        return
    yield Remedy(
        f"If it is TabbyAPI's (others than root may write the directory, so look first), give it "
        f"to {account.user} by hand",
        commands=(f"sudo ls -l {shlex.quote(tokens.path)}",),
    )
    yield rotation(instance, tokens)


def _cannot_create(
    tokens: Tokens,
    directory: PathStatus,
    instance: Instance,
    account: ServiceGroups,
    machine: Machine | None,
) -> Iterator[Finding]:
    rule = forbids_writing(instance.unit, tokens.path)
    if rule:
        yield _sandboxed(tokens, instance, machine, rule, "create")
        return
    barrier = directory.denied_at(account.uid, account.configured, "w")
    if barrier is None:
        barrier = directory.denied_at(account.uid, account.configured, "x")
    if barrier is None:
        return
    path, user = shlex.quote(barrier.path), shlex.quote(account.user)
    rights = "wx" if barrier is directory.leaf else "x"
    yield Finding(
        f"{account.user} cannot create {tokens.path}",
        f"There is no tokens file, and TabbyAPI, as {account.user}, may not make one: it exits.",
        (
            Evidence(
                f"stat {path}",
                f"writable by {account.user}" if rights == "wx" else f"open to {account.user}",
                f"mode {barrier.permissions:04o}, owner {barrier.uid}:{barrier.gid}",
            ),
        ),
        (
            by_hand_behind(directory)
            if directory.foreign_link
            else Remedy(
                f"Let {account.user} in",
                Safety.UNSAFE,
                (f"sudo setfacl -m u:{user}:r{rights} {path}", *start(instance)),
            ),
        ),
        caused_by=("SVC007",),
    )


def _sandboxed(
    tokens: Tokens, instance: Instance, machine: Machine | None, rule: Rule, verb: str
) -> Finding:
    directory = posixpath.dirname(tokens.path)
    name = instance.name
    return Finding(
        f"{rule.setting} keeps {name} from {tokens.path}",
        f"The sandbox of the unit does not let it {verb} the file, whatever its mode.",
        (Evidence(f"systemctl show {shlex.quote(name)}", f"{directory} writable", rule.setting),),
        (_open(instance, machine, directory, rule),),
        caused_by=("SVC012",),
    )


def _open(instance: Instance, machine: Machine | None, directory: str, rule: Rule) -> Remedy:
    title = f"Add ReadWritePaths={directory} (and lift {rule.setting} if it hides it)"
    if instance.unit and managed(machine, instance.unit):
        lines = option_lines(instance.unit, [("ReadWritePaths", directory)])
        return by_rebuild(title, *lines)
    edit = f"sudo systemctl edit {shlex.quote(instance.name)}"
    return Remedy(title, commands=(edit, *start(instance)))
