"""What operators make of values: `+`, `|`, `/` of paths, `%` of strings."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from tabbydoctor.routers.ranking import constant, plain
from tabbydoctor.routers.values import (
    SOMETHING,
    Const,
    Items,
    Table,
    Text,
    Unknown,
    Value,
    likely_text,
    text_of,
)


def operate(operator: ast.operator, left: Value, right: Value) -> Value:
    """The value of `left <operator> right`."""
    left, right = plain(left), plain(right)
    strings = isinstance(left, Text) or isinstance(right, Text)
    match operator, left, right:
        case ast.Add(), Items(items=one), Items(items=two):
            return Items((*one, *two))
        case ast.Add(), Const(value=int() | float() as a), Const(value=int() | float() as b):
            return Const(a + b, left.hint or right.hint)
        case ast.Add(), _, _ if strings or isinstance(constant(left) or constant(right), str):
            return text_of(left, right)
        case ast.BitOr(), Table(), _:
            return left.merged(right)
        case ast.Div(), _, Const(value=str(path)) if path.startswith("/"):
            return right
        case ast.Div(), _, _ if likely_text(left) is not None:
            return text_of(left, Const("/"), right)
        case ast.Mod(), Const(value=str(template)), _:
            pieces = template.replace("%d", "%s").split("%s")
            values = right.items if isinstance(right, Items) else (right,)
            return filled(pieces, [label(value) for value in values])
    return SOMETHING


def filled(pieces: Sequence[str], values: Sequence[Value]) -> Value:
    """A template's pieces with values between them."""
    parts: list[Value] = [Const(pieces[0])]
    for number, piece in enumerate(pieces[1:]):
        parts += [values[number] if number < len(values) else SOMETHING, Const(piece)]
    return text_of(*parts)


def label(value: Value) -> Value:
    """What a value looks like inside a string."""
    value = plain(value)
    if isinstance(value, Const | Unknown | Text):
        return value
    return Unknown(f"text of {type(value).__name__}")
