"""Operators on values."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from tabbydoctor.source.budget import WIDEST_NUMBER, TooLarge
from tabbydoctor.source.values import (
    SOMETHING,
    Const,
    Dict,
    List,
    Symbol,
    Text,
    Value,
    likely_text,
    plain,
    text_of,
)

_MOST_ITEMS = 2_000


def operate(operator: ast.operator, left: Value, right: Value) -> Value:  # noqa: C901 - one case a kind
    """The value of `left <operator> right`. Raises TooLarge."""
    match operator, plain(left), plain(right):
        case ast.Add(), List() as one, List() as two:
            items = [*one.items, *two.items]
            if len(items) > _MOST_ITEMS:
                raise TooLarge
            return List(items, one.more or two.more)
        case ast.Add(), Const(value=int() | float() as a), Const(value=int() | float() as b):
            return _number(a + b)
        case ast.Sub(), Const(value=int() | float() as a), Const(value=int() | float() as b):
            return _number(a - b)
        case ast.Mult(), Const(value=int() | float() as a), Const(value=int() | float() as b):
            return Const(a * b) if abs(a) < 1e9 and abs(b) < 1e9 else SOMETHING
        case ast.Add(), one, two if _is_text(one) or _is_text(two):
            return text_of(left, label(right)) if _is_text(one) else text_of(label(left), right)
        case ast.BitOr(), Dict() as one, Dict() as two:
            return Dict({**one.slots, **two.slots})
        case ast.Div(), _, Const(value=str(path)) if path.startswith("/"):
            return right
        case ast.Div(), one, two if _is_text(one) or isinstance(left, Text):
            return text_of(left, Const("/"), label(right))
        case ast.Div(), Symbol(root=str(root)) as one, two if root and _is_text(two):
            return text_of(left, Const("/"), label(right))
        case ast.Mod(), Const(value=str(template)), _:
            pieces = template.replace("%d", "%s").split("%s")
            given = right.items if isinstance(right, List) else ()
            values = [label(each[0][1]) for each in given] or [label(right)]
            return filled(pieces, values)
        case _, Symbol(root="") | Symbol(root=str()), _ if isinstance(left, Symbol):
            return Symbol(left.root, left.path) if left.root else SOMETHING
    return SOMETHING


def _number(value: int | float) -> Value:
    """Raises TooLarge."""
    if isinstance(value, int) and value.bit_length() > WIDEST_NUMBER:
        raise TooLarge
    return Const(value)


def _is_text(value: Value) -> bool:
    return isinstance(value, Text) or isinstance(likely_text(value), str)


def filled(pieces: Sequence[str], values: Sequence[Value]) -> Value:
    """A template's pieces with values between them. Raises TooLarge."""
    parts: list[Value] = [Const(pieces[0])]
    for number, piece in enumerate(pieces[1:2_000]):
        parts += [values[number] if number < len(values) else SOMETHING, Const(piece)]
    return text_of(*parts)


def label(value: Value) -> Value:
    """What a value looks like inside a string."""
    if isinstance(value, Const | Symbol | Text):
        return value
    return Symbol(f"text of {type(value).__name__}")
