"""The program in the store that starts TabbyAPI: a script that tells where the package is.

As nixpkgs' `makeWrapper` writes it: lines that set PYTHONPATH, then `exec …/bin/python -m main`.
Python looks into the working directory first, then along PYTHONPATH (docs.python.org, sys.path).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabbydoctor.deployment.nixos import STORE
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.host import Host

_PATHS = re.compile(rf"{STORE}[^\s:;'\"$]+")
_LONGEST = 256 << 10
_DEEPEST = 3
_PACKAGES = ("common", "backends", "endpoints")


def package_directory(host: Host, instance: Instance, mark: str) -> str | None:
    """The directory in the store that holds the file `mark`, as the wrapper names it."""
    unit = instance.unit
    program = unit.command[0] if unit and unit.command else ""
    if not program.startswith(STORE):
        return None
    for place in dict.fromkeys(_named(host, program, _DEEPEST)):
        if _there(host, f"{place}/{mark}"):
            return place
    return None


def shadows(host: Host, directory: str) -> tuple[str, ...]:
    """What Python finds in the working directory before the package's."""
    found = [f"{directory}/main.py"] if _there(host, f"{directory}/main.py") else []
    for name in _PACKAGES:
        try:
            names = host.names(f"{directory}/{name}")
        except OSError:
            continue
        if any(one.endswith(".py") for one in names):
            found.append(f"{directory}/{name}")
    return tuple(found)


def _named(host: Host, program: str, depth: int) -> Iterator[str]:
    """The paths in a script, and in those it runs; nothing of a program that is none."""
    try:
        text = host.read(program, _LONGEST).text()
    except OSError:
        return
    if depth == 0 or not text.startswith("#!"):
        return
    for place in _PATHS.findall(text):
        yield place
        if place.endswith("-wrapped"):
            yield from _named(host, place, depth - 1)


def _there(host: Host, path: str) -> bool:
    try:
        host.status(path)
    except OSError:
        return False
    return True
