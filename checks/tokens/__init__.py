"""Checks of api_tokens.yml: TOK001 to TOK010."""

from __future__ import annotations

from tabbydoctor.api import Absent, Unknown
from tabbydoctor.deployment.parts import Instance
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
