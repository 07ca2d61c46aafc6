"""Checks of api_tokens.yml: TOK001 to TOK010."""

from __future__ import annotations

import shlex

from tabbydoctor.api import Absent, Remedy, Unknown
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.host.access import PathStatus
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.tokens import Tokens


def require_auth(config: EffectiveConfig) -> None:
    """Skip a check that only matters while TabbyAPI asks for keys."""
    if config.auth_disabled:
        raise Absent("authentication is off: TabbyAPI does not read the tokens file")


def require_read(tokens: Tokens) -> None:
    """Skip without a file; unknown where the doctor may not read it."""
    if tokens.problem == "missing":
        raise Absent(f"there is no {tokens.path}")
    if tokens.problem == "unreadable":
        raise Unknown(f"{tokens.path} was not read: {tokens.detail}")


def start(instance: Instance) -> tuple[str, ...]:
    """The commands that start TabbyAPI again, where it is down: a running one keeps its keys."""
    return () if instance.process else instance.restart


def place(tokens: Tokens) -> str:
    """Where in the file the problem is: `path:line`, or the path."""
    return f"{tokens.path}:{tokens.line}" if tokens.line else tokens.path


def by_hand_behind(file: PathStatus) -> Remedy:
    """For what stands behind a link that an account may have made: root touches none of it."""
    link, target = file.foreign_link, file.leaf.path
    return Remedy(
        f"{link} is a link, made by no root of this machine, to {target}: if that is meant, change "
        f"{target} by hand; else put a file in the place of the link",
        commands=(f"ls -l {shlex.quote(link)} {shlex.quote(target)}",),
    )
