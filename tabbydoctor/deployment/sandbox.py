"""What a unit's sandbox lets its processes see and write: systemd.exec(5), "Sandboxing".

Judged from `systemctl show`'s properties alone, the way systemd sets up the mounts: an
inaccessible directory hides all below it, else the setting for the longest path wins, and of
several for that path the one that forbids writing.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from tabbydoctor.deployment.unit import Unit
from tabbydoctor.records import dataclass, replace

PathReach = Literal["hidden", "read-only", "writable"]

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
_OF_ONE_PATH: tuple[PathReach, ...] = ("read-only", "writable", "hidden")
"""What wins where several settings name the same path; tried with systemd 252."""
_REMOVABLE = ("InaccessiblePaths", "ReadOnlyPaths", "BindReadOnlyPaths", "TemporaryFileSystem")
_BINDS = ("BindPaths", "BindReadOnlyPaths")
_LISTS: tuple[tuple[str, ...], ...] = (
    ("InaccessiblePaths",),
    ("ReadOnlyPaths",),
    ("TemporaryFileSystem",),
    ("ReadWritePaths",),
    _BINDS,
)
"""Those that stand together are one list to systemd: to empty one of them empties both."""
_WORD = re.compile(r"[-+]{0,2}/[^\s\"'\\%]*")
"""A path that is written in a unit as `systemctl show` prints it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One setting and what it does to everything below a path."""

    path: str
    reach: PathReach
    setting: str
    """As it would be written: `ProtectHome=yes`."""
    final: bool = False
    """Nothing below it can be opened up again."""

    @property
    def name(self) -> str:
        """The setting's name."""
        return self.setting.partition("=")[0]


def rule_for(unit: Unit, path: str) -> Rule | None:
    """The rule that decides over a path; None where the sandbox leaves it alone."""
    applying = [rule for rule in _rules(unit) if _below(path, rule.path)]
    for rule in applying:
        if rule.final:
            return rule
    return max(
        applying,
        key=lambda rule: (len(rule.path), -_OF_ONE_PATH.index(rule.reach)),
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


def lifted(unit: Unit, rule: Rule, paths: Sequence[str]) -> Unit | None:
    """The unit with a rule of its out of these paths' way, and no more of it than that.

    A path below one that is read-only is opened by `ReadWritePaths=`; on the same path that has
    no effect, and the path leaves the list. Homes behind an empty file system are bound into it,
    other homes stay hidden. None where only a person can tell what to do.
    """
    below = all(path != rule.path and _below(path, rule.path) for path in paths)
    if below and rule.reach == "read-only":
        return _added(unit, "ReadWritePaths", paths)
    if rule.setting == "ProtectHome=tmpfs" or (below and rule.name == "TemporaryFileSystem"):
        return _added(unit, "BindPaths", paths)
    if rule.name == "BindReadOnlyPaths":
        return _bound_writable(unit, rule)
    if rule.name in _REMOVABLE:
        return _removed(unit, rule)
    if unit.flag("DynamicUser"):
        return None
    if rule.setting == "ProtectHome=yes":
        return _changed(unit, "ProtectHome", "read-only")
    return _changed(unit, "PrivateTmp", "no") if rule.name == "PrivateTmp" else None


def outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """The paths, each once, without those below another of them."""
    every = tuple(dict.fromkeys(paths))
    return tuple(
        path for path in every if not any(path != other and _below(path, other) for other in every)
    )


def emptied_with(name: str) -> tuple[str, ...]:
    """The lists that an empty assignment to this one empties, itself among them."""
    return next((names for names in _LISTS if name in names), (name,))


def assignments(before: Unit, after: Unit) -> Iterator[tuple[str, str]]:
    """The lines of a drop-in that make one unit of the other; an empty one empties a list."""
    lists = {name for names in _LISTS for name in names}
    for name, value in after.properties.items():
        if name not in lists and value != before.get(name):
            yield name, value
    for names in _LISTS:
        yield from _list_assignments(before, after, names)


def _list_assignments(
    before: Unit, after: Unit, names: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """As systemd empties them: all of the names at once."""
    anew = any(set(_words(before, name)) - set(_words(after, name)) for name in names)
    if anew:
        yield names[0], ""
    for name in names:
        there = () if anew else _words(before, name)
        words = [_written(name, word) for word in _words(after, name) if word not in there]
        if anew:
            yield from [(name, " ".join(words))] if words else ()
        else:
            yield from ((name, word) for word in words)


def _words(unit: Unit, name: str) -> list[str]:
    return unit.get(name).split()


def _written(name: str, word: str) -> str:
    """`systemctl show` leaves `norbind` out (systemd 252), which is not what a unit starts from."""
    return f"{word}:norbind" if name in _BINDS and word.count(":") == 1 else word


def _added(unit: Unit, setting: str, paths: Sequence[str]) -> Unit | None:
    there = {rule.path for rule in _listed(unit, setting, "writable")}
    words = [f"-{path}" for path in paths if path not in there]
    if not words or not all(_WORD.fullmatch(word) and ":" not in word for word in words):
        return None
    return _changed(unit, setting, " ".join((*_words(unit, setting), *words)))


def _removed(unit: Unit, rule: Rule) -> Unit | None:
    """None where the list cannot be written anew."""
    names = emptied_with(rule.name)
    if not all(_WORD.fullmatch(word) for name in names for word in _words(unit, name)):
        return None
    rest = [word for word in _words(unit, rule.name) if f"{rule.name}={word}" != rule.setting]
    return _changed(unit, rule.name, " ".join(rest))


def _bound_writable(unit: Unit, rule: Rule) -> Unit | None:
    """What is mounted there stays the same: its source may be another directory."""
    rest = _removed(unit, rule)
    if rest is None:
        return None
    word = rule.setting.partition("=")[2]
    return _changed(rest, "BindPaths", " ".join((*_words(rest, "BindPaths"), word)))


def _changed(unit: Unit, name: str, value: str) -> Unit:
    return replace(unit, properties={**unit.properties, name: value})


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
    yield from _home_rules(unit, dynamic, system)
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


def _home_rules(unit: Unit, dynamic: bool, system: str) -> Iterator[Rule]:
    """Homes are a matter of `ProtectHome=` alone, under `ProtectSystem=strict` too."""
    home = unit.get("ProtectHome")
    if dynamic and home in ("", "no"):
        home = "read-only"
    if home in ("yes", "tmpfs", "read-only"):
        reach: PathReach = "read-only" if home == "read-only" else "hidden"
        for path in _HOMES:
            yield Rule(path, reach, f"ProtectHome={home}", final=home == "yes")
    elif system == "strict":
        for path in _HOMES:
            yield Rule(path, "writable", f"ProtectSystem={system}")


def _listed(unit: Unit, setting: str, reach: PathReach, final: bool = False) -> Iterator[Rule]:
    """`-` and `+` before a path are flags; `source:target:options` mounts on the target."""
    for word in unit.get(setting).split():
        parts = word.lstrip("-+").split(":")
        bound = setting.startswith("Bind") and len(parts) > 1
        path = posixpath.normpath(parts[1] if bound else parts[0])
        if path.startswith("/"):
            yield Rule(path, reach, f"{setting}={word}", final)
