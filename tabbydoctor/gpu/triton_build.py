"""What Triton compiles its helper with, when TabbyAPI runs: a C compiler and Python's headers."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.reader import reader
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.gpu.torch import PythonEnvironment
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.lost_program import DEFAULT_PATH

_COMPILERS = ("gcc", "clang")
"""What Triton looks for in PATH where CC names nothing (its runtime/build.py)."""
_HOME = re.compile(r"(?m)^home\s*=\s*(/\S{1,1000})")
_MINOR = re.compile(r"/(python3\.\d{1,2}t?)/")


@dataclass(frozen=True, slots=True)
class TritonBuild:
    """Whether Triton can build, as far as files tell."""

    version: str
    """Of the installed Triton."""
    compiler: str
    """The compiler it would run; empty where there is none in the service's PATH."""
    search_path: str
    """The service's PATH."""
    headers: str
    """Python.h of the interpreter; empty where it is not at any of its places."""
    header_places: tuple[str, ...]
    """Where it would be."""


def triton_build(host: Host, instance: Instance, environment: PythonEnvironment) -> TritonBuild:
    """Look for both. Raises Absent without Triton, Unknown where the interpreter is not known."""
    version = environment.packages.get("triton")
    if version is None:
        raise Absent("Triton is not installed in TabbyAPI's environment")
    seen = host.seen_by(reader(host, instance))
    places = tuple(f"{place}/Python.h" for place in _includes(seen, environment))
    if not places:
        raise Unknown("where the headers of TabbyAPI's Python would be cannot be told")
    search_path = instance.environment.get("PATH") or DEFAULT_PATH
    return TritonBuild(
        version,
        _compiler(seen, instance, search_path),
        search_path,
        next((place for place in places if _is_there(seen, place)), ""),
        places,
    )


def _compiler(host: Host, instance: Instance, search_path: str) -> str:
    named = instance.environment.get("CC")
    names = (named,) if named else _COMPILERS
    places = [
        name if "/" in name else f"{directory}/{name}"
        for name in names
        for directory in search_path.split(":")
        if directory.startswith("/")
    ]
    return next((place for place in places if _is_there(host, place)), "")


def _includes(host: Host, environment: PythonEnvironment) -> Iterator[str]:
    """The include directories of the interpreter that the environment was made from."""
    minor = _MINOR.search(f"{environment.directories[0]}/")
    prefix = environment.directories[0].partition("/lib")[0]
    if minor is None or not prefix:
        return
    try:
        config = host.read(f"{prefix}/pyvenv.cfg", 64 << 10).text()
    except OSError:
        config = ""
    home = _HOME.search(config)
    base = posixpath.dirname(home[1].rstrip("/")) if home else prefix
    for root in dict.fromkeys((base, "/usr" if base == "/usr/local" else base)):
        yield f"{root}/include/{minor[1]}"


def _is_there(host: Host, path: str) -> bool:
    try:
        host.status(path)
    except OSError:
        return False
    return True


GATHERERS = (triton_build,)
