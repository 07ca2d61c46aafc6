"""Says where a value was set, for people and as `path:line`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.documents import whole_number
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.config import ConfigFile, LayerKind, Origin


@dataclass(frozen=True, slots=True)
class Layer:
    """One source of values: what it says, and where a key path of it was written."""

    kind: LayerKind
    document: Mapping[Any, Any]
    origin: Callable[[tuple[str, ...]], Origin]


def variable_name(path: tuple[str, ...]) -> str:
    """The environment variable that sets a key."""
    return f"TABBY_{'_'.join(path[:2])}".upper()


def file_origin(file: ConfigFile, path: tuple[str, ...]) -> Origin:
    """A key path in a configuration file, or its section where the key has no line."""
    line = file.lines.get(path) or file.lines.get(path[:-1])
    shown = file.copied_from or file.path
    where = f"{shown}:{line}" if line else shown
    return Origin(file.role, where, file.path, line)


def variable_origin(instance: Instance, name: str) -> Origin:
    """An environment variable of TabbyAPI's process."""
    source = instance.environment_sources.get(name, instance.name)
    path, line = _place(source)
    return Origin("environment", f"{name} ({source})", path, line)


def argument_origin(instance: Instance, key: str) -> Origin:
    """An argument, which stands in the unit's command where there is a unit."""
    flag = f"--{key.replace('_', '-')}"
    unit = instance.unit
    for file in reversed(unit.files) if unit else ():
        line = file.line_of(flag) or file.line_of("ExecStart=")
        if line:
            return Origin("argument", f"{flag} ({file.path}:{line})", file.path, line)
    process = f"process {instance.process.pid}" if instance.process else instance.name
    return Origin("argument", f"{flag} ({process})")


def _place(source: str) -> tuple[str | None, int | None]:
    """The path and line in a source such as `/etc/tabby.env:3`."""
    found = re.fullmatch(r"(/.+):(\d+)", source)
    if found:
        return found.group(1), whole_number(found.group(2))
    return (source, None) if source.startswith("/") else (None, None)
