"""What is said on NixOS in place of an edit: a file in the store, or written anew, keeps none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.deployment.nixos import STORE
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.diagnosis.finding import Remedy
from tabbydoctor.nixos.module import generated_config
from tabbydoctor.nixos.nix_text import NoLiteral, comment, literal, path
from tabbydoctor.nixos.option_types import WrongType, typed
from tabbydoctor.nixos.options import BY_KEY, REQUIRED
from tabbydoctor.nixos.service import environment_line, without_variable_line
from tabbydoctor.tabbyapi.keys import TABLE, is_secret
from tabbydoctor.tabbyapi.origins import variable_name
from tabbydoctor.tabbyapi.values import Refused, coerced

SWITCH = "sudo nixos-rebuild switch"
_SYSTEM = ("/run/current-system/", "/run/booted-system/", "/etc/static/")
"""Links into the store (NixOS manual, "What happens during a system switch?")."""

Keys = Mapping[tuple[str, str], Any]
"""Section and key -> the value that is wanted; None takes the key out."""


def lasting(
    title: str, *lines: str, first: tuple[str, ...] = (), then: tuple[str, ...] = ()
) -> Remedy:
    """A remedy that lasts: these lines in configuration.nix, and the commands that apply them."""
    return Remedy(f"{title}, in configuration.nix", commands=(*first, SWITCH, *then), nix=lines)


def to_paste(remedy: Remedy) -> Iterator[str]:
    """A remedy for a person's own hands: its lines of Nix stand alone, ready to be pasted."""
    yield comment(remedy.title)
    yield from remedy.nix
    for command in remedy.commands:
        if not remedy.nix:
            yield command
        elif not command.startswith("sudoedit "):  # the lines are pasted there
            yield f"# then: {command}"


def in_store(place: str) -> bool:
    """Whether a path is in the Nix store, or leads there on every NixOS."""
    return place.startswith((STORE, *_SYSTEM))


def key_lines(instance: Instance, wanted: Keys) -> tuple[str, ...]:
    """Keys of TabbyAPI as options of the module, or else in the environment of the unit."""
    return tuple(_key_lines(instance, wanted)) if instance.unit else ()


def _key_lines(instance: Instance, wanted: Keys) -> Iterator[str]:
    by_module = generated_config(instance) is not None
    for (section, key), value in wanted.items():
        value = _as_tabbyapi_has_it(section, key, value)
        line = _option_line(section, key, value) if by_module else ""
        line = line or _variable_line(instance, section, key, value)
        if line:
            yield line


def _as_tabbyapi_has_it(section: str, key: str, value: Any) -> Any:
    """An argument and a variable are texts at first."""
    known = TABLE.get((section, key))
    if known is None or value is None:
        return value
    try:
        return coerced(known, value)
    except Refused:
        return value


def _option_line(section: str, key: str, value: Any) -> str:
    """Empty where no option says it. What is taken out goes back to the option's default."""
    option = BY_KEY.get((section, key))
    if option is None or option.ignored or is_secret(section, key):
        return ""
    if value is None and not option.nullable:
        value = "" if option.default is REQUIRED else option.default
    try:
        said = literal(typed(option.type, value))
    except WrongType:
        return ""
    return f"{path('services', 'tabbyapi', option.name)} = {said};"


def _variable_line(instance: Instance, section: str, key: str, value: Any) -> str:
    """Empty for a secret, which the store would show to everyone, and for what no variable says."""
    unit, variable = instance.unit, variable_name((section, key))
    if unit is None or is_secret(section, key) or isinstance(value, list | dict):
        return ""
    if value is None:
        return without_variable_line(unit, variable)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    try:
        return environment_line(unit, variable, text)
    except NoLiteral:
        return ""
