"""pydantic's lax mode, as TabbyAPI has it: for values that are not of their type already.

It takes longer to import than a whole configuration to judge, so nothing imports it at the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import GenericAlias
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, TypeAdapter, ValidationError

from tabbydoctor.tabbyapi.keys import ConfigKey


class _Lora(BaseModel):
    name: str | None = None
    scaling: float = Field(1.0, ge=0)


class NotTaken(Exception):  # noqa: N818 - an answer, not an error
    """What pydantic takes in place of a value, in words."""


# By the start of pydantic's error type; the other messages say it themselves.
_TAKES = {
    "bool_": "true or false",
    "int_": "a whole number",
    "float_": "a number",
    "string_pattern": "two bit widths from 2 to 8 such as 8,8",
    "string_": "text",
    "list_": "a list",
    "dict_": "a mapping",
    "model_": "a mapping",
}
_PAIR = Annotated[str, StringConstraints(pattern=r"^[2-8]\s*,\s*[2-8]$")]
_TYPES: Mapping[str, Any] = {
    "bool": bool,
    "int": int,
    "float": float,
    "text": str,
    "texts": list[str],
    "ints": list[int],
    "floats": list[float],
    "mapping": dict[Any, Any],
    "cache": Literal["FP16", "Q8", "Q6", "Q4"] | _PAIR,
    "float-or-auto": float | Literal["auto"],
    "loras": list[_Lora],
    "any": Any,
}


def coerced(key: ConfigKey, value: Any) -> Any:
    """The value after validation. Raises NotTaken."""
    try:
        result = TypeAdapter(_annotation(key)).validate_python(value)
    except ValidationError as error:
        found = error.errors(include_input=False)
        takes = dict.fromkeys(_in_words(item["type"], item["msg"]) for item in found)
        raise NotTaken(", or ".join(takes)) from None
    if key.kind == "loras" and result is not None:
        return [lora.model_dump() for lora in result]
    return result


def _in_words(kind: str, message: str) -> str:
    """What a key takes: pydantic's message for people who do not know pydantic."""
    for start, words in _TAKES.items():
        if kind.startswith(start):
            return words
    words = message.removeprefix("Input should be ")
    return f"a number {words}" if words.startswith(("greater", "less")) else words


def _annotation(key: ConfigKey) -> Any:
    if key.kind in ("choice", "choices"):
        literal: Any = Literal
        kind: Any = literal[key.choices]
        if key.kind == "choices":
            kind = GenericAlias(list, (kind,))
    else:
        kind = _TYPES[key.kind]
    limits: dict[str, Any] = dict(key.limits)
    if limits:
        kind = Annotated[kind, Field(**limits)]
    return kind | None if key.nullable and key.kind != "any" else kind
