"""What a path through a router takes to be true: that it is TabbyAPI's, that something fails."""

from __future__ import annotations

import re
from typing import Any

from tabbydoctor.source.guards import ANY, Guard
from tabbydoctor.source.secret_names import is_secret
from tabbydoctor.source.values import MODULE_NAME

_NAME = re.compile(r"[A-Za-z_][\w.+:-]{0,60}")
"""What a backend may be called; neither a path nor what a header holds."""


def named_tabby(name: object) -> bool:
    """Whether a name speaks of TabbyAPI."""
    return isinstance(name, str) and "tabby" in name.lower()


def degraded(guard: Guard) -> bool:
    """Whether it is only taken when something fails or is not there: an exception, a file."""
    return any(
        all(map(degraded, operand)) if operator == ANY
        else _fails(name[0], operator, operand, holds)
        for name, operator, operand, holds in guard
    )  # fmt: skip


def lacking(guard: Guard) -> bool:
    """Whether it is only taken when something that the code wants is not there."""
    return degraded(frozenset(each for each in guard if each[0][0] != "exception"))


def _fails(root: str, operator: str, operand: Any, holds: bool) -> bool:
    if root == "exception":
        return holds
    if not root.startswith(("environment ", "file ", "exists ")) or operator == "is-list":
        return False
    if operator == "==":
        return holds if operand in (None, "") else False
    return not holds


def names_tabby(guard: Guard) -> bool | None:
    """Whether it says "this is TabbyAPI" (True) or "is not" (False)."""
    said: bool | None = None
    for _, operator, operand, holds in guard:
        named = operand if isinstance(operand, tuple) else (operand,)
        if operator in ("==", "in", "contains", "startswith") and any(map(named_tabby, named)):
            if holds:
                return True
            said = False
    return said


def serves_tabby(guard: Guard) -> bool | None:
    """Whether the marked block is taken to know the server that is asked; None: not asked."""
    said = [holds for _, operator, _, holds in guard if operator == "serves"]
    return all(said) if said else None


def chosen(guard: Guard) -> str:
    """The name that an unknown value is taken to be, for example that of a backend."""
    names = [
        operand
        for name, operator, operand, holds in guard
        if operator == "==" and holds and isinstance(operand, str) and _NAME.fullmatch(operand)
        and "headers" not in name and name != MODULE_NAME and not is_secret(name[-1])
    ]  # fmt: skip
    return min(names, key=lambda name: (not named_tabby(name), name), default="")
