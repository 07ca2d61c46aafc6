"""Whether a value is of an option's type, as the module system judges it (nixpkgs, lib.types)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tabbydoctor.nixos.nix_text import NoLiteral, literal
from tabbydoctor.nixos.options import CHOICES, LORA, REQUIRED, NixType


class WrongType(ValueError):  # noqa: N818 - an answer, not an error
    """The option does not take the value; the message says what it takes."""


_TAKES: Mapping[str, str] = {
    "bool": "true or false",
    "float": "a number",
    "ints.positive": "a whole number of 1 or more",
    "lora": "a set with name (text) and scaling (number)",
    "package": "a package",
    "path": "a path from the root",
    "port": "a whole number from 0 to 65535",
    "str": "text",
}


def typed(type: NixType | str, value: Any) -> Any:
    """The value as Nix would hold it: whole numbers as floats where the type is one.

    JSON does not tell 1 from 1.0, and Nix prints both alike. Raises WrongType.
    """
    if type.startswith("nullOr "):
        return None if value is None else typed(type.removeprefix("nullOr "), value)
    if type.startswith("listOf "):
        if not isinstance(value, list | tuple):
            raise WrongType("takes a list")
        return [typed(type.removeprefix("listOf "), item) for item in value]
    if type == "float":
        value = _as_float(value)
    if type == "lora":
        value = _lora(value)
    if not _is(type, value):
        choices = CHOICES.get(type)
        wanted = f"one of {', '.join(choices)}" if choices else _TAKES[type]
        raise WrongType(f"takes {wanted}")
    try:
        literal(value)
    except NoLiteral as error:
        raise WrongType(f"cannot be written: {error}") from error
    return value


def _is(type: str, value: Any) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if type in CHOICES:
        return value in CHOICES[type]
    if type == "path":
        return isinstance(value, str) and value.startswith("/")
    tests = {
        "bool": isinstance(value, bool),
        "float": isinstance(value, float),
        "ints.positive": whole and value > 0,
        "lora": isinstance(value, Mapping),
        "package": value is None or isinstance(value, str),
        "port": whole and 0 <= value <= 65535,
        "str": isinstance(value, str),
    }
    return tests[type]


def _as_float(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    try:
        return float(value)
    except OverflowError:
        return None


def _lora(value: Any) -> Any:
    names = {option.name for option in LORA}
    if not isinstance(value, Mapping) or not set(value) <= names:
        return None
    entry = {}
    for option in LORA:
        given = value.get(option.name, option.default)
        if given is REQUIRED:
            return None
        entry[option.name] = typed(option.type, given)
    return entry
