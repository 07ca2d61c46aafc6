"""Which ways a condition may go, and what each way says about the values in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

from tabbydoctor.routers.values import (
    Const,
    Items,
    Table,
    Text,
    Unknown,
    Value,
    from_caller,
    likely_text,
    truth,
)
from tabbydoctor.routers.world import World, satisfies


def decide(value: Value, world: World) -> Iterator[tuple[bool, World]]:
    """Both truths of a value, as far as each is possible."""
    value = world.known(value)
    known = truth(value)
    if known is not None:
        yield known, world
    elif isinstance(value, Unknown) and value.root:
        for holds in (True, False):
            then = world.assume(value, "true", None, holds)
            if then:
                yield holds, then
    else:
        yield True, world
        yield False, world


def compared(
    operators: Sequence[ast.cmpop], values: Sequence[Value], node: ast.Compare, world: World
) -> Iterator[tuple[Value, World]]:
    """The value of `a < b < c`."""
    if len(operators) == 1:
        yield from _pair(operators[0], values[0], values[1], node, world)
        return
    for first, then in _pair(operators[0], values[0], values[1], node, world):
        if first == Const(False):
            yield first, then
        else:
            for rest, last in compared(operators[1:], values[1:], node, then):
                yield (rest if first == Const(True) or rest == Const(False) else first), last


def _pair(
    operator: ast.cmpop, left: Value, right: Value, node: ast.Compare, world: World
) -> Iterator[tuple[Value, World]]:
    left, right = world.known(left), world.known(right)
    known = _known(operator, left, right)
    if known is not None:
        yield Const(known), world
        return
    assumption = _assumption(operator, left, right)
    if assumption is None:
        yield Unknown(f"condition {node.lineno}:{node.col_offset}"), world
        return
    subject, name, operand, positive = assumption
    for holds in (True, False):
        then = world.assume(subject, name, operand, holds)
        if then:
            yield Const(holds == positive), then


def _known(operator: ast.cmpop, left: Value, right: Value) -> bool | None:
    if isinstance(operator, ast.In | ast.NotIn):
        inside = _inside(left, right)
        return inside if inside is None else inside == isinstance(operator, ast.In)
    if isinstance(operator, ast.Is | ast.IsNot | ast.Eq | ast.NotEq):
        return _equal(operator, left, right)
    if isinstance(left, Const) and isinstance(right, Const):
        return _ordered(operator, left.value, right.value)
    return None


def _equal(operator: ast.cmpop, left: Value, right: Value) -> bool | None:
    positive = isinstance(operator, ast.Is | ast.Eq)
    one, two = _constant(left), _constant(right)
    if one is not None and two is not None:
        return (one.value == two.value) == positive
    constant, other = (one, right) if one is not None else (two, left)
    if constant is not None and constant.value is None and not isinstance(other, Unknown):
        return not positive
    return None


def _constant(value: Value) -> Const | None:
    if isinstance(value, Const):
        return value
    text = likely_text(value) if isinstance(value, Text) else None
    return None if text is None else Const(text)


def _inside(left: Value, right: Value) -> bool | None:
    constant = _constant(left)
    if constant is None:
        return None
    match right:
        case Items(items=items, more=False) if all(isinstance(item, Const) for item in items):
            return constant in items
        case Table(items=items, rest=None):
            return any(key == constant for key, _ in items)
        case Const() | Text() if (whole := _constant(right)) and isinstance(whole.value, str):
            return satisfies(whole.value, "contains", constant.value)
    return None


def _ordered(operator: ast.cmpop, left: Any, right: Any) -> bool | None:
    try:
        match operator:
            case ast.Lt():
                return bool(left < right)
            case ast.LtE():
                return bool(left <= right)
            case ast.Gt():
                return bool(left > right)
            case ast.GtE():
                return bool(left >= right)
    except TypeError:
        return None
    return None


def _assumption(
    operator: ast.cmpop, left: Value, right: Value
) -> tuple[Unknown, str, Any, bool] | None:
    """(unknown value, operator, operand, whether the condition wants it to hold)."""
    positive = isinstance(operator, ast.Eq | ast.Is | ast.In)
    if isinstance(operator, ast.In | ast.NotIn):
        if isinstance(left, Unknown) and isinstance(right, Items | Table):
            keys = right.items if isinstance(right, Items) else [key for key, _ in right.items]
            operand = tuple(key.value for key in keys if isinstance(key, Const))
            return left, "in", operand, positive
        if isinstance(right, Unknown) and isinstance(left, Const):
            return right, "contains", left.value, positive
        return None
    if not isinstance(operator, ast.Eq | ast.NotEq | ast.Is | ast.IsNot):
        return None
    if isinstance(left, Unknown) and isinstance(right, Const):
        return left, "==", right.value, positive
    if isinstance(right, Unknown) and isinstance(left, Const):
        return right, "==", left.value, positive
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Unknown) and from_caller(one) and isinstance(other, Text | Unknown):
            return one, "same", other, positive
    return None
