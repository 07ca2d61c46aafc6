"""What a unit's sandbox lets its processes see and write: systemd.exec(5), "Sandboxing".

Judged from `systemctl show`'s properties alone, the way systemd sets up the mounts: an
inaccessible directory hides all below it, else the setting for the longest path wins.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tabbydoctor.deployment.unit import Unit

Reach = Literal["hidden", "read-only", "writable"]

_SYSTEM = {
    "yes": ("/usr", "/boot", "/efi"),
    "full": ("/usr", "/boot", "/efi", "/etc"),
    "strict": ("/",),
}
_HOMES = ("/home", "/root", "/run/user")
_OWN_DIRECTORIES = {
    "RuntimeDirectory": "/run",
    "StateDirectory": "/var/lib",
    "CacheDirectory": "/var/cache",
    "LogsDirectory": "/var/log",
}
_STRICTEST_FIRST: tuple[Reach, ...] = ("hidden", "read-only", "writable")


@dataclass(frozen=True, slots=True)
class Rule:
    """One setting and what it does to everything below a path."""

    path: str
    reach: Reach
    setting: str
    """As it would be written: `ProtectHome=yes`."""
    final: bool = False
    """Nothing below it can be opened up again."""


def rule_for(unit: Unit, path: str) -> Rule | None:
    """The rule that decides over a path; None where the sandbox leaves it alone."""
    applying = [rule for rule in _rules(unit) if _below(path, rule.path)]
    for rule in applying:
        if rule.final:
            return rule
    return max(
        applying,
        key=lambda rule: (len(rule.path), -_STRICTEST_FIRST.index(rule.reach)),
        default=None,
    )


def hides(unit: Unit | None, path: str) -> Rule | None:
    """The rule that hides a path from the service, or None."""
    rule = rule_for(unit, path) if unit else None
    return rule if rule and rule.reach == "hidden" else None


def forbids_writing(unit: Unit | None, path: str) -> Rule | None:
    """The rule that keeps the service from writing to a path, or None."""
    rule = rule_for(unit, path) if unit else None
    return rule if rule and rule.reach != "writable" else None


def _below(path: str, directory: str) -> bool:
    return directory == "/" or path == directory or path.startswith(f"{directory}/")


def _rules(unit: Unit) -> Iterator[Rule]:
    dynamic = unit.flag("DynamicUser")
    system = "strict" if dynamic else unit.get("ProtectSystem")
    for path in _SYSTEM.get(system, ()):
        yield Rule(path, "read-only", f"ProtectSystem={system}")
    if system == "strict":
        for path in ("/dev", "/proc", "/sys"):
            yield Rule(path, "writable", "ProtectSystem=strict")
    yield from _home_rules(unit, dynamic)
    if unit.flag("PrivateTmp") or dynamic:
        for path in ("/tmp", "/var/tmp"):
            yield Rule(path, "hidden", "PrivateTmp=yes")
    yield from _listed(unit, "InaccessiblePaths", "hidden", final=True)
    yield from _listed(unit, "ReadOnlyPaths", "read-only")
    yield from _listed(unit, "TemporaryFileSystem", "hidden")
    yield from _listed(unit, "ReadWritePaths", "writable")
    yield from _listed(unit, "BindPaths", "writable")
    yield from _listed(unit, "BindReadOnlyPaths", "read-only")
    for setting, parent in _OWN_DIRECTORIES.items():
        for word in unit.get(setting).split():
            path = posixpath.join(parent, word.split(":", 1)[0])
            yield Rule(path, "writable", f"{setting}={word}")
            if dynamic:
                private = posixpath.join(parent, "private", word.split(":", 1)[0])
                yield Rule(private, "writable", f"{setting}={word}")


def _home_rules(unit: Unit, dynamic: bool) -> Iterator[Rule]:
    home = unit.get("ProtectHome")
    if dynamic and home in ("", "no"):
        home = "read-only"
    if home in ("yes", "tmpfs", "read-only"):
        reach: Reach = "read-only" if home == "read-only" else "hidden"
        for path in _HOMES:
            yield Rule(path, reach, f"ProtectHome={home}", final=home == "yes")


def _listed(unit: Unit, setting: str, reach: Reach, final: bool = False) -> Iterator[Rule]:
    """`-` and `+` before a path are flags; `source:target:options` mounts on the target."""
    for word in unit.get(setting).split():
        parts = word.lstrip("-+").split(":")
        bound = setting.startswith("Bind") and len(parts) > 1
        path = posixpath.normpath(parts[1] if bound else parts[0])
        if path.startswith("/"):
            yield Rule(path, reach, f"{setting}={word}", final)
