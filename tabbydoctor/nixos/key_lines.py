"""Keys of TabbyAPI as lines of configuration.nix, in the place that decides on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.deployment.nixos import generated_config
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.nixos.nix_text import NoLiteral, literal, path
from tabbydoctor.nixos.option_types import WrongType, typed
from tabbydoctor.nixos.options import BY_KEY, REQUIRED, Option
from tabbydoctor.nixos.service import environment_line, without_variable_line
from tabbydoctor.tabbyapi.config import LayerKind
from tabbydoctor.tabbyapi.keys import TABLE, is_secret
from tabbydoctor.tabbyapi.origins import variable_name
from tabbydoctor.tabbyapi.values import Refused, coerced

WantedKeys = Mapping[tuple[str, str], Any]
"""Section and key -> the value that is wanted; None takes the key out."""


def key_lines(instance: Instance, wanted: WantedKeys, layer: LayerKind) -> tuple[str, ...]:
    """Empty where no line would have an effect.

    `layer` is what decides on the keys now. The file of the module is stronger than the
    environment, and so are arguments and any `--config` file: a variable counts only where none
    of them has the key.
    """
    unit, by_module = instance.unit, generated_config(instance) is not None
    if unit is None or not (by_module or layer in ("environment", "default")):
        return ()
    lines: list[str] = []
    for place, value in wanted.items():
        if is_secret(*place):
            continue  # the store would show it to everyone
        if by_module and not (layer == "environment" and value is None):
            lines += _by_module(unit, place, _as_tabbyapi_has_it(place, value))
        else:
            lines += _by_variable(unit, place, _as_tabbyapi_has_it(place, value))
    return tuple(lines)


def _as_tabbyapi_has_it(place: tuple[str, str], value: Any) -> Any:
    """An argument and a variable are texts at first."""
    known = TABLE.get(place)
    if known is None or value is None:
        return value
    try:
        return coerced(known, value)
    except Refused:
        return value


def _by_module(unit: Unit, place: tuple[str, str], value: Any) -> Iterator[str]:
    """An option, or a variable where the generated file leaves the key out."""
    option = BY_KEY.get(place)
    if option is None:
        yield from _by_variable(unit, place, value)
        return
    if option.ignored:
        return
    if value is None and not option.nullable:
        value = "" if option.default is REQUIRED else option.default
    try:
        yield _option_line(option, value)
    except WrongType:
        variable = list(_by_variable(unit, place, value)) if option.omits_default else []
        if variable:
            yield from (_option_line(option, option.default), *variable)


def _option_line(option: Option, value: Any) -> str:
    """Raises WrongType where the option does not take the value."""
    said = literal(typed(option.type, value))
    return f"{path('services', 'tabbyapi', option.name)} = {said};"


def _by_variable(unit: Unit, place: tuple[str, str], value: Any) -> Iterator[str]:
    """Nothing for what no variable says."""
    variable = variable_name(place)
    if value is None:
        yield without_variable_line(unit, variable)
    elif not isinstance(value, list | dict):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        try:
            yield environment_line(unit, variable, text)
        except NoLiteral:
            return
