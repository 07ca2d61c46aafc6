"""Judges values as TabbyAPI does: pydantic in its lax mode, by each key's type and limits."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from tabbydoctor.tabbyapi.keys import ConfigKey


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """TabbyAPI would refuse the value; the message says what it takes instead."""


_PLAIN: Mapping[str, type] = {
    "bool": bool,
    "int": int,
    "float": float,
    "text": str,
    "mapping": dict,
    "float-or-auto": float,
}
_WORDS: Mapping[str, frozenset[str]] = {
    "cache": frozenset(("FP16", "Q8", "Q6", "Q4")),
    "float-or-auto": frozenset(("auto",)),
}
_LISTS: Mapping[str, type] = {"texts": str, "ints": int, "floats": float}
_LIMITS: Mapping[str, Callable[[Any, Any], bool]] = {
    "ge": operator.ge,
    "gt": operator.gt,
    "le": operator.le,
    "lt": operator.lt,
}


def coerced(key: ConfigKey, value: Any) -> Any:
    """The value as TabbyAPI has it after validation.

    Raises Refused where pydantic would refuse it.
    """
    # A version that spells its choices in capitals compares them as they stand.
    if key.kind == "choices" and value is not None and all(map(str.islower, key.choices)):
        value = _lower_case(key, value)
    if _stays(key, value):
        return value
    from tabbydoctor.tabbyapi import coercion

    try:
        return coercion.coerced(key, value)
    except coercion.NotTaken as takes:
        raise Refused(_list_of(key) if key.kind == "choices" else str(takes)) from None


def _stays(key: ConfigKey, value: Any) -> bool:
    """Whether the value is of its key's type already: pydantic would hand it back."""
    if value is None:
        return key.nullable or key.kind == "any"
    if key.kind == "any":
        return not key.limits
    if not all(_within(value, name, limit) for name, limit in key.limits.items()):
        return False
    if key.kind == "choice":
        return type(value) is str and value in key.choices
    if key.kind == "choices":
        return type(value) is list and all(one in key.choices for one in value)
    if key.kind in _LISTS:
        return type(value) is list and all(type(item) is _LISTS[key.kind] for item in value)
    if type(value) is str and value in _WORDS.get(key.kind, ()):
        return True
    return key.kind in _PLAIN and type(value) is _PLAIN[key.kind]


def _within(value: Any, name: str, limit: float) -> bool:
    return type(value) in (int, float) and name in _LIMITS and _LIMITS[name](value, limit)


def _lower_case(key: ConfigKey, value: Any) -> list[str]:
    """TabbyAPI lowers each item first; a single text counts letter by letter."""
    try:
        return [item.lower() for item in value]
    except (TypeError, AttributeError):
        raise Refused(_list_of(key)) from None


def _list_of(key: ConfigKey) -> str:
    return f"a list of {' or '.join(key.choices)}"
