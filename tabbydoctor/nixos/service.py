"""Settings of a systemd unit as lines of configuration.nix."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tabbydoctor.deployment.unit import Unit
from tabbydoctor.nixos.nix_text import literal, path

_SINGLE = re.compile(r"(?:Private|Protect)\w+|MemoryDenyWriteExecute|ProcSubset|DevicePolicy")
"""Settings of one value (systemd.exec(5), systemd.resource-control(5)); others are lists."""


def option_lines(unit: Unit, settings: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Settings of `[Service]` as options.

    The module system joins lists with what other modules say; a single value takes its place.
    Groups are the account's, as the README of the module has them.
    """
    values: dict[str, list[str]] = {}
    for key, value in settings:
        values.setdefault(key, []).append(value)
    return tuple(_line(unit, key, given) for key, given in values.items())


def _line(unit: Unit, key: str, values: list[str]) -> str:
    if key == "SupplementaryGroups" and unit.get("User") and not unit.flag("DynamicUser"):
        groups = [group for value in values for group in value.split()]
        return f"{path('users', 'users', unit.user, 'extraGroups')} = {literal(groups)};"
    if _SINGLE.fullmatch(key):
        return forced_line(unit, key, values[-1])
    return f"{_path(unit, 'serviceConfig', key)} = {literal(values)};"


def forced_line(unit: Unit, key: str, value: str | list[str]) -> str:
    """One setting of `[Service]` in place of what other modules say; `lib` has to be in scope."""
    return f"{_path(unit, 'serviceConfig', key)} = lib.mkForce {literal(value)};"


def wanted_by_line(unit: Unit) -> str:
    """Has the system start a unit when it boots."""
    return f'{_path(unit, "wantedBy")} = [ "multi-user.target" ];'


def environment_line(unit: Unit, variable: str, value: str) -> str:
    """One variable of a unit; systemd takes `%` for a specifier (systemd.unit(5))."""
    return f"{_path(unit, 'environment', variable)} = {literal(value.replace('%', '%%'))};"


def without_variable_line(unit: Unit, variable: str) -> str:
    """Takes a variable out of a unit, whoever set it.

    In brackets: the redactor would take the first word after the name of a key for the key.
    """
    return f"{_path(unit, 'environment', variable)} = (lib.mkForce null);"


def _path(unit: Unit, *names: str) -> str:
    return path("systemd", "services", unit.name.removesuffix(".service"), *names)
