"""Guards: under which conditions a value stands, or a line is come to.

A guard is a set of literals that hold together. A literal says of something unknown, by its name,
what an operator gives: `(("argument chat.model",), "==", "big", True)`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, TypeAlias

Literal: TypeAlias = tuple[tuple[str, ...], str, Any, bool]
"""Name, operator, operand, and whether it holds."""
Guard: TypeAlias = frozenset[Literal]

ALWAYS: Guard = frozenset()
ANY = "any"
"""The operator of a literal whose operand is a set of guards, of which at least one holds."""
_CHOICE = ("choice",)
_MOST_CHOICES, _MOST_TOLD = 6, 3
"""Guards of one choice, and choices of one guard; what would be more says less."""
_LARGEST = 12
"""Literals of a guard; one that would need more says less."""


def both(one: Guard, other: Guard) -> Guard | None:
    """What says both; None where they contradict each other."""
    if not one or one is other:
        return other
    if not other:
        return one
    return _both(one, other)


@functools.lru_cache(maxsize=1 << 16)
def _both(one: Guard, other: Guard) -> Guard | None:
    if one <= other:
        return other
    small, large = (one, other) if len(one) <= len(other) else (other, one)
    for literal in small:
        if literal not in large and not _fits(literal, large):
            return None
    joined = small | large
    choices = [literal for literal in joined if literal[1] == ANY]
    if choices:
        if len(choices) > _MOST_TOLD:
            joined -= frozenset(sorted(choices, key=_weight)[_MOST_TOLD:])
        decided = _decided(joined)
        if decided is None:
            return None
        joined = decided
    if len(joined) > _LARGEST:
        return frozenset(sorted(joined, key=_weight)[:_LARGEST])
    return joined


@functools.lru_cache(maxsize=1 << 14)
def _weight(literal: Literal) -> tuple[bool, bool, str]:
    """What is given up last comes first; the same in every run."""
    told = sorted(map(_told, literal[2])) if literal[1] == ANY else literal
    return literal[1] != "==", literal[1] == ANY, repr(told)


def _told(guard: Guard) -> str:
    return repr(sorted(guard, key=repr))


def any_of(guards: Iterable[Guard]) -> Guard:
    """That at least one of some guards holds; choices within them are not told."""
    held = frozenset(frozenset(each for each in one if each[1] != ANY) for one in guards)
    if len(held) > _MOST_CHOICES:
        return common(held)
    return ALWAYS if ALWAYS in held else frozenset({(_CHOICE, ANY, held, True)})


def _decided(guard: Guard) -> Guard | None:
    """With each choice made of which but one is left; None where none is."""
    plain = frozenset(each for each in guard if each[1] != ANY)
    waiting = [each for each in guard if each[1] == ANY]
    choices: set[Literal] = set()
    for literal in waiting:
        left = [each for each in literal[2] if _compatible(each, plain)]
        if not left:
            return None
        if len(left) > 1:
            choices.add((_CHOICE, ANY, frozenset(left), True))
            continue
        added = _both(plain, left[0]) if plain else left[0]
        if added is None:
            return None
        if added != plain:
            return _decided(added | frozenset(choices) | frozenset(waiting) - {literal})
    return plain | choices


def _compatible(one: Guard, other: Guard) -> bool:
    return all(each in other or _fits(each, other) for each in one if each[1] != ANY)


def _fits(new: Literal, guard: Guard) -> bool:
    name, operator, operand, holds = new
    for other_name, other, value, held in guard:
        if other_name != name or operator == ANY:
            continue
        if other == operator and value == operand and type(value) is type(operand):
            if held is not holds:
                return False
        elif operator == "==" and holds:
            if satisfies(operand, other, value) not in (held, None):
                return False
        elif other == "==" and held and satisfies(value, operator, operand) not in (holds, None):
            return False
    return True


def satisfies(value: Any, operator: str, operand: Any) -> bool | None:
    """Whether a known value meets an operator; None where that cannot be told."""
    try:
        match operator:
            case "==":
                return bool(value == operand)
            case "<":
                return bool(value < operand)
            case "<=":
                return bool(value <= operand)
            case "in":
                return value in operand
            case "contains":
                return operand in value
            case "startswith":
                return str(value).startswith(operand)
            case "endswith":
                return str(value).endswith(operand)
            case "true":
                return bool(value)
    except TypeError:
        return None
    return None


def without(guard: Guard, known: Guard) -> Guard:
    """What a guard says beyond what is known anyway."""
    return guard - known if known else guard


def common(guards: Iterable[Guard]) -> Guard:
    """What all of some guards say."""
    found: Guard | None = None
    for guard in guards:
        found = guard if found is None else found & guard
    return found or ALWAYS
