"""Choosing among values: the likeliest to concern TabbyAPI first, and not too many."""

from __future__ import annotations

from collections.abc import Sequence

from tabbydoctor.routers.budget import CHOICES, cut
from tabbydoctor.routers.values import (
    Bound,
    Const,
    Table,
    Unknown,
    Value,
    likely_text,
    named_tabby,
)

MANY = 12
"""How many alternatives of one lookup are followed; those that speak of TabbyAPI come first."""


def ranked(values: Sequence[Value]) -> list[Value]:
    """Distinct values, those that speak of TabbyAPI first, not more than are followed."""
    distinct: list[Value] = []
    for value in values:
        if value not in distinct:
            distinct.append(value)
    if len(distinct) > MANY:
        cut(CHOICES)
    return sorted(distinct, key=lambda value: not _speaks_of_tabby(value))[:MANY]


def _speaks_of_tabby(value: Value) -> bool:
    if getattr(value, "hint", False):
        return True
    if isinstance(value, Table):
        return any(_speaks_of_tabby(each) for _, each in value.items)
    return named_tabby(likely_text(value))


def plain(value: Value) -> Value:
    """An attribute of something unknown, taken as data: unknown itself."""
    if isinstance(value, Bound) and isinstance(value.base, Unknown | Bound):
        base = plain(value.base)
        if isinstance(base, Unknown):
            return base.part(value.name, base.line)
    return value


def stored(values: list[Value], value: Value) -> None:
    """Add to what a name or attribute may hold."""
    if value in values:
        return
    if len(values) < 2 * MANY:
        values.append(value)
    else:
        cut(CHOICES)


def constant(value: Value) -> object:
    """What a known value is; None for another."""
    return value.value if isinstance(value, Const) else None
