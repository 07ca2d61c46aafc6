"""One way a router's code may run: the values of its names and what was assumed on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from tabbydoctor.routers.budget import PATHS, cut, overdrawn
from tabbydoctor.routers.values import NOTHING, Const, Unknown, Value, named_tabby

Flow = Literal["", "return", "raise", "break", "continue"]
Assumption = tuple[str, Any, bool]
"""Operator, operand, and whether it holds."""


@dataclass(frozen=True)
class World:
    """A path through the code, up to some statement. Never changed: `with_` makes another."""

    names: Mapping[str, Value] = field(default_factory=dict)
    """Local names (of the module, while its own lines run)."""
    globals: Mapping[str, Value] = field(default_factory=dict)
    """What was read from or written to the module's names on this path."""
    assumed: Mapping[tuple[str, ...], tuple[Assumption, ...]] = field(default_factory=dict)
    """Name of an unknown value -> what this path takes to be true of it."""
    degraded: bool = False
    """Only taken when something fails or is not there: an exception, a missing file."""
    flow: Flow = ""
    result: Value = NOTHING
    """What is returned, or yielded first."""
    yielded: bool = False
    judged: int = 0
    """The line that last looked at a response's status."""
    scope: int = 0
    """Which function's names these are."""
    own_names: frozenset[str] = frozenset()
    """Names assigned here: parameters among them no longer stand for the caller's object."""
    declared_global: frozenset[str] = frozenset()

    def with_(self, **changes: Any) -> World:
        """This world with some things changed."""
        return replace(self, **changes)

    def named(self, name: str, value: Value) -> World:
        """This world with a name bound."""
        if name in self.declared_global:
            return replace(self, globals={**self.globals, name: value})
        return replace(self, names={**self.names, name: value})

    def assume(self, value: Unknown, operator: str, operand: Any, holds: bool) -> World | None:
        """The world in which that is so; None where it contradicts what is assumed already."""
        before = self.assumed.get(value.name, ())
        assumption: Assumption = (operator, operand, holds)
        if assumption in before:
            return self
        if (operator, operand, not holds) in before or not _fits(assumption, before):
            return None
        lacking = degrades(value, operator, operand, holds)
        assumed = {**self.assumed, value.name: (*before, assumption)}
        return replace(self, assumed=assumed, degraded=self.degraded or lacking)

    def known(self, value: Value) -> Value:
        """The value, or what this world takes it to be."""
        if isinstance(value, Unknown):
            for operator, operand, holds in self.assumed.get(value.name, ()):
                if operator == "==" and holds:
                    return Const(operand, value.hint or named_tabby(operand))
                if operator == "is-list":
                    return replace(value, checked=True)
        return value

    def names_tabby(self) -> bool | None:
        """Whether an assumption says "this is TabbyAPI" (True) or "is not" (False)."""
        said: bool | None = None
        for assumptions in self.assumed.values():
            for operator, operand, holds in assumptions:
                named = operand if isinstance(operand, tuple) else (operand,)
                if operator in ("==", "in", "contains", "startswith") and any(
                    named_tabby(name) for name in named
                ):
                    if holds:
                        return True
                    said = False
        return said

    def serves_tabby(self) -> bool | None:
        """Whether the marked block is taken to know the server that is asked; None: not asked."""
        every = [each for assumptions in self.assumed.values() for each in assumptions]
        said = [holds for operator, _, holds in every if operator == "serves"]
        return said[-1] if said else None

    def chosen(self) -> str:
        """The name that an unknown value is taken to be, for example that of a backend."""
        for assumptions in self.assumed.values():
            for operator, operand, holds in assumptions:
                if operator == "==" and holds and isinstance(operand, str):
                    return operand
        return ""


def degrades(value: Unknown, operator: str, operand: Any, holds: bool) -> bool:
    """Whether assuming this means that something the code wants is not there."""
    if not value.root.startswith(("environment ", "file ", "exists ")):
        return False
    if operator == "is-list":
        return False
    if operator == "==":
        return holds if operand in (None, "") else False
    return not holds


def _fits(new: Assumption, before: Iterable[Assumption]) -> bool:
    every = [*before, new]
    equal = [operand for operator, operand, holds in every if operator == "==" and holds]
    return all(
        satisfies(candidate, operator, operand) in (holds, None)
        for candidate in equal
        for operator, operand, holds in every
    )


def satisfies(value: Any, operator: str, operand: Any) -> bool | None:
    """Whether a known value meets an operator; None where that cannot be told."""
    try:
        match operator:
            case "==":
                return bool(value == operand)
            case "in":
                return value in operand
            case "contains":
                return operand in value
            case "startswith":
                return bool(str(value).startswith(operand))
            case "endswith":
                return bool(str(value).endswith(operand))
            case "true":
                return bool(value)
    except TypeError:
        return None
    return None


def merged(worlds: Iterable[World], limit: int) -> list[World]:
    """Worlds that differ only in what was assumed become one; at most `limit` are kept."""
    result: list[World] = []
    for number, world in enumerate(worlds):
        if len(result) > 8 * limit or (number % 64 == 63 and overdrawn()):
            cut(PATHS)
            break
        for index, other in enumerate(result):
            if _alike(world, other):
                result[index] = _joined(other, world)
                break
        else:
            result.append(world)
    if len(result) > limit:
        result.sort(key=lambda world: world.degraded)
        if not result[limit].degraded:
            cut(PATHS)
    return result[:limit]


def _alike(one: World, other: World) -> bool:
    return (
        one.flow == other.flow
        and one.result == other.result
        and one.names == other.names
        and one.globals == other.globals
    )


def _joined(one: World, other: World) -> World:
    assumed = {
        name: kept
        for name, assumptions in one.assumed.items()
        if (kept := tuple(a for a in assumptions if a in other.assumed.get(name, ())))
    }
    return one.with_(assumed=assumed, degraded=one.degraded and other.degraded)


Outcome: TypeAlias = tuple[Value, World]
"""A value, and the world in which an expression has it."""
