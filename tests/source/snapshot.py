"""A whole reading as text: readable, in a fixed order, without secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

import yaml

from tabbydoctor.routers import RouterReading

SECRET = "(a key)"


def snapshot(reading: RouterReading) -> str:
    """A reading as YAML. What is as it is by default is left out."""
    text = yaml.safe_dump(_plain(reading), sort_keys=False, width=1_000, allow_unicode=True)
    for key in sorted(_keys(reading), key=len, reverse=True):
        text = text.replace(key, SECRET)
    return text


def _plain(value: object) -> Any:
    if is_dataclass(value):
        given = ((each, getattr(value, each.name)) for each in fields(value))
        return {each.name: _shown(each, held) for each, held in given if held != _default(each)}
    if isinstance(value, Mapping):
        return {str(name): _plain(held) for name, held in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _shown(each: Field[Any], held: object) -> Any:
    if each.name == "literal_keys" and isinstance(held, tuple):
        return [SECRET for _ in held]
    return _plain(held)


def _default(each: Field[Any]) -> object:
    return each.default if each.default_factory is MISSING else each.default_factory()


def _keys(reading: RouterReading) -> Iterable[str]:
    return {key for part in reading.modules for key in part.literal_keys if len(key) > 7}
