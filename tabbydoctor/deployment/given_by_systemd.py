"""Directories that systemd gives a service with `DynamicUser=` (systemd.exec(5))."""

from __future__ import annotations

from tabbydoctor.deployment.unit import Unit

_BASES = {
    "StateDirectory": "/var/lib",
    "CacheDirectory": "/var/cache",
    "LogsDirectory": "/var/log",
}


def given_by_systemd(unit: Unit | None, path: str) -> bool:
    """Whether a path lies in one: closed from outside (/var/lib/private), open to the service.

    Only the service itself can tell what it may do there.
    """
    if unit is None or not unit.flag("DynamicUser"):
        return False
    return any(f"{path}/".startswith(base) for base in _directories(unit))


def _directories(unit: Unit) -> tuple[str, ...]:
    named = [
        (base, name.partition(":")[0])
        for setting, base in _BASES.items()
        for name in unit.get(setting).split()
    ]
    return tuple(f"{base}{part}/{name}/" for base, name in named for part in ("", "/private"))
