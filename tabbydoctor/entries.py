"""EntryPoint points: what is installed for the doctor, by the files that pip leaves beside it.

`importlib.metadata` opens and parses the same files of everything that is installed, and takes
longer to import than they to read; it is asked only where the doctor itself is not found this way
(in a zip file, say).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

GROUP = "tabbydoctor"
OWN = "tabbydoctor"
"""The distribution of the doctor itself."""


class EntryPoint(NamedTuple):
    """One entry point of the group."""

    name: str
    value: str
    """`package.module`, or `package.module:attribute`."""
    distribution: str

    @property
    def package(self) -> str:
        """The package or module at the top that it is imported from."""
        return self.value.partition(":")[0].partition(".")[0].strip()


@cache
def entries() -> tuple[EntryPoint, ...]:
    """Those of the group, each name once, in the order of `sys.path`."""
    found = tuple(_first(entry for place in sys.path for entry in _below(place or os.getcwd())))
    if any(entry.distribution == OWN for entry in found):
        return found
    return tuple(_first(_by_metadata()))


def _first(entries: Iterable[EntryPoint]) -> Iterator[EntryPoint]:
    known: set[str] = set()
    for entry in entries:
        if entry.name not in known:
            known.add(entry.name)
            yield entry


def _below(place: str) -> Iterator[EntryPoint]:
    try:
        names = sorted(os.listdir(place))
    except OSError:
        return  # a zip file, or not there
    for name in names:
        if name.endswith((".dist-info", ".egg-info")):
            folder = os.path.join(place, name)
            text = _text(folder, "entry_points.txt")
            if f"[{GROUP}]" in text:
                yield from _parsed(text, _distribution(folder))


def _parsed(text: str, distribution: str) -> Iterator[EntryPoint]:
    """The lines of the group's section: `name = value`, with `#` and `;` before comments."""
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line.strip("[]").strip()
        elif section == GROUP and "=" in line and line[0] not in "#;":
            name, _, value = line.partition("=")
            yield EntryPoint(name.strip(), value.partition("[")[0].strip(), distribution)


def _distribution(folder: str) -> str:
    metadata = _text(folder, "METADATA") or _text(folder, "PKG-INFO")
    names = (line for line in metadata.splitlines() if line.lower().startswith("name:"))
    return next(names, "").partition(":")[2].strip()


def _text(folder: str, name: str) -> str:
    try:
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _by_metadata() -> Iterator[EntryPoint]:
    from importlib.metadata import entry_points

    for one in entry_points(group=GROUP):
        yield EntryPoint(one.name, one.value, one.dist.name if one.dist else "")
