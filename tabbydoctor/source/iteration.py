"""What a loop runs over."""

from __future__ import annotations

import ast

from tabbydoctor.source.engine import Engine
from tabbydoctor.source.memory import restricted, trimmed
from tabbydoctor.source.values import (
    MANY,
    NOTHING,
    Const,
    Dict,
    List,
    Rest,
    Symbol,
    Value,
    Values,
    Yielded,
    only,
)

MOST_ROUNDS = 64
"""Elements of one loop."""


def rounds(run: Engine, values: Values, node: ast.AST) -> list[Values]:
    """The values of the loop's name in each round; of what is not known there is one round.

    The first elements of all that it may run over are one round, the second ones the next.
    """
    found: list[Values] = []
    for guard, value in values:
        for number, each in enumerate(_elements(run, value, node)):
            told = restricted(each, guard)
            if number < len(found):
                found[number] = (*found[number], *told)
            else:
                found.append(told)
    if len(found) > MOST_ROUNDS:
        found[MOST_ROUNDS:] = [only(MANY)]
    return [trimmed(each) for each in found if each]


def _elements(run: Engine, value: Value, node: ast.AST) -> list[Values]:
    match value:
        case List(items=items, more=more):
            rest = [only(Symbol(f"more of {run.code(node)}"))] if more else []
            return [*items, *rest]
        case Dict():
            return [only(key) for key in keys(value)]
        case Yielded(values=inner):
            return [inner]
        case Symbol():
            return [only(element(value))]
        case Const(value=str()) | Const(value=None):
            return []
    return [only(Symbol(f"element {run.code(node)}"))]


def element(value: Symbol) -> Symbol:
    """What stands in a list that is not known."""
    return value.part("[]")


def keys(table: Dict) -> list[Value]:
    """The keys of a dictionary, as values."""
    return [_key(name, values) for name, values in table.slots.items() if values]


def _key(name: object, values: Values) -> Value:
    if isinstance(name, Rest):
        inner = values[0][1]
        return inner.part("[]").part("0") if isinstance(inner, Symbol) else Symbol("key")
    return name if isinstance(name, Symbol) else Const(name)  # type: ignore[arg-type]


def entries(table: Dict) -> List:
    """`table.items()`."""
    found: list[Values] = []
    for name, values in table.slots.items():
        if not values:
            continue
        inner = values[0][1]
        if isinstance(name, Rest) and isinstance(inner, Symbol):
            found.append(((values[0][0], element(inner)),))
        else:
            found.append(only(List([only(_key(name, values)), values])))
    return List(found)


def contents(table: Dict) -> List:
    """`table.values()`."""
    found: list[Values] = []
    for name, values in table.slots.items():
        inner = values[0][1] if values else NOTHING
        if isinstance(name, Rest) and isinstance(inner, Symbol):
            found.append(only(inner.part("[]").part("1")))
        elif values:
            found.append(values)
    return List(found)
