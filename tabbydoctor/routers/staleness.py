"""Whether a router runs as its files say: its process began after they were last changed."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.host import Host
from tabbydoctor.routers.inputs import RouterInputs, source_text
from tabbydoctor.routers.marked_block import legible
from tabbydoctor.routers.site_environment import router_environment

_SLACK = 1.5
"""Seconds by which a process's start may be told wrong: the kernel gives it in ticks since the
boot, whose time is known to the second (proc(5))."""
_RELOADS = ("--reload", "-watch-config", "--watch-config")
"""Arguments of uvicorn, gunicorn, llama-swap: a changed file is read without a restart."""

_BY_SYSTEMD = re.compile(
    r"PATH|LANG|LC_\w+|HOME|LOGNAME|USER|SHELL|TERM|INVOCATION_ID|JOURNAL_STREAM|SYSTEMD_\w+|"
    r"MEMORY_PRESSURE_\w+|NOTIFY_SOCKET|WATCHDOG_\w+|LISTEN_\w+|MAINPID|\w+_DIRECTORY|XDG_\w+|"
    r"DBUS_SESSION_BUS_ADDRESS|MANAGERPID"
)
"""Variables that systemd adds by itself (systemd.exec(5))."""
_UNSEEN = re.compile(
    r"^[ \t]*(?:(?:Load|Set|Import)Credential|Protect|Private|Inaccessible|ReadOnly|ReadWrite|Bind|"
    r"TemporaryFile|Supplementary|Group|Dynamic|Root|Restrict|Capab|Ambient|UMask|NoExec|"
    r"Exec(?!Start)|ProcSubset)\w*[ \t]*=",
    re.MULTILINE,
)
"""Settings of a unit that are not seen of its process."""
_MODULES = 60
"""How many modules are looked at."""


@dataclass(frozen=True, slots=True)
class RouterStaleness:
    """What was changed after the router's process began."""

    started: float
    """Seconds since the epoch."""
    newer: Mapping[str, float] = field(default_factory=dict)
    """Path -> when it was changed."""


def router_staleness(host: Host, site: RouterSite, inputs: RouterInputs | None) -> RouterStaleness:
    """Compare times. Raises Absent where no process runs that could be old."""
    process = site.process
    if process is None or not process.started:
        raise Absent("the router does not run")
    newer = {}
    for path in dict.fromkeys(_read_once(host, site, inputs)):
        changed = _changed(host, path)
        if changed is not None and changed > process.started + _SLACK:
            newer[path] = changed
    return RouterStaleness(process.started, newer)


def _read_once(host: Host, site: RouterSite, inputs: RouterInputs | None) -> Iterator[str]:
    """The files that a router has from its start on."""
    running = site.process.argv if site.process else ()
    command = (*(site.unit.command if site.unit else ()), *running)
    if site.path and not any(word.startswith(_RELOADS) for word in command):
        yield site.path
        if site.kind == "python":
            yield from _of_source(host, site.path, inputs)
    same = _runs_as_it_says(site)
    for file in site.unit.files if site.unit else ():
        # Limits that systemctl set while it ran count at once.
        if "/system.control/" not in file.path and not (same and not _UNSEEN.search(file.text)):
            yield file.path
    if site.unit and not same:
        yield from (file.path for file in site.unit.environment_files)
    for entry in site.unit.settings("LoadCredential") if site.unit else ():
        path = entry.partition(":")[2]
        if path.startswith("/"):
            yield path


def _runs_as_it_says(site: RouterSite) -> bool:
    """Whether a process has all that its unit says and that can be seen of a process: account,
    directory, command and environment. What was changed since then is no matter.
    """
    unit, process = site.unit, site.process
    if unit is None or process is None or process.environment is None:
        return False
    given = router_environment(site)
    added = {name for name in process.environment if name not in given}
    return (
        all(process.environment.get(name) == value for name, value in given.items())
        and not any(not _BY_SYSTEMD.fullmatch(name) for name in added)
        and all(word in process.argv for word in unit.command[1:] if not set(word) & set("$%"))
        and (site.user is None or process.uid == site.user.uid)
        and process.cwd in (None, posixpath.normpath(unit.working_directory))
    )


def _of_source(host: Host, path: str, inputs: RouterInputs | None) -> Iterator[str]:
    """The modules beside a source that it imports, and configuration files that it opens while
    it starts and does not write itself.
    """
    tree = _tree(host, path)
    if tree is None:
        return
    yield from _neighbours(host, path, tree)
    if inputs is None:
        return
    for name, line in inputs.reading.reads_files.items():
        own = name in inputs.reading.writes_files
        if name in inputs.files and not own and _at_start(tree, line):
            yield name


def _tree(host: Host, path: str) -> ast.Module | None:
    try:
        return ast.parse(legible(source_text(host, path).removeprefix("\ufeff")))
    except (Unknown, SyntaxError, ValueError, RecursionError):
        return None


def _neighbours(host: Host, path: str, tree: ast.Module) -> Iterator[str]:
    """Modules of the router's own directory and package, as far as they import each other."""
    top = _top(host, posixpath.dirname(path))
    seen, waiting = {path}, [(path, tree)]
    while waiting and len(seen) <= _MODULES:
        of, module = waiting.pop()
        for candidate in _candidates(posixpath.dirname(of), top, module):
            if candidate in seen or _changed(host, candidate) is None:
                continue
            seen.add(candidate)
            yield candidate
            inner = _tree(host, candidate)
            if inner is not None:
                waiting.append((candidate, inner))


def _top(host: Host, directory: str) -> str:
    """The directory that holds the outermost package around a directory."""
    while _changed(host, f"{directory}/__init__.py") is not None:
        directory = posixpath.dirname(directory)
    return directory


def _candidates(directory: str, top: str, module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        names: list[str] = []
        base = top
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = directory
                for _ in range(node.level - 1):
                    base = posixpath.dirname(base)
            stem = f"{node.module}." if node.module else ""
            names = [*([node.module] if node.module else []), *(stem + a.name for a in node.names)]
        for name in names:
            place = base
            for part in name.split("."):
                place = posixpath.join(place, part)
                yield f"{place}/__init__.py"
            yield f"{place}.py"


def _at_start(module: ast.Module, line: int) -> bool:
    """Whether a line runs at the start alone: in no function, or in one that only it calls."""
    functions = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    ]
    around = [node for node in functions if node.lineno <= line <= (node.end_lineno or line)]
    if not around:
        return True
    name = getattr(around[0], "name", "")
    inside = {id(node) for function in functions for node in ast.walk(function)}
    calls = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
    ]
    return bool(calls) and not any(id(node) in inside for node in calls)


def _changed(host: Host, path: str) -> float | None:
    """When a file's content was last changed; None where it cannot be looked at."""
    try:
        return host.status(path).modified
    except (OSError, ValueError):
        return None
