"""Settings of a systemd unit as lines of configuration.nix."""

from __future__ import annotations

from collections.abc import Iterable

from tabbydoctor.deployment.unit import Unit
from tabbydoctor.nixos.nix_text import literal, path


def option_lines(unit: Unit, settings: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Settings of `[Service]`; each is a list, which the module system joins with others."""
    values: dict[str, list[str]] = {}
    for key, value in settings:
        values.setdefault(key, []).append(value)
    return tuple(
        f"{_path(unit, 'serviceConfig', key)} = {literal(v)};" for key, v in values.items()
    )


def environment_line(unit: Unit, variable: str, value: str) -> str:
    """One variable of a unit; systemd takes `%` for a specifier (systemd.unit(5))."""
    return f"{_path(unit, 'environment', variable)} = {literal(value.replace('%', '%%'))};"


def _path(unit: Unit, *names: str) -> str:
    return path("systemd", "services", unit.name.removesuffix(".service"), *names)
