"""Whether a router runs as its files say: its process began after they were last changed."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Mapping

from tabbydoctor.deployment.parts import ProcessTable, RouterSite
from tabbydoctor.documents import Unreadable, python_of
from tabbydoctor.facts import Absent
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass, field
from tabbydoctor.routers.inputs import RouterInputs
from tabbydoctor.routers.marked_block import legible
from tabbydoctor.routers.site.environment import router_environment

_SLACK = 1.5
"""Seconds by which a process's start may be told wrong: the kernel gives it in ticks since the
boot, whose time is known to the second (proc(5))."""
_RELOADS = ("--reload", "-watch-config", "--watch-config")
"""Arguments of uvicorn, gunicorn, llama-swap: a changed file is read without a restart."""

_RELOADED = ("nginx", "haproxy")
"""Kinds whose workers a reload starts anew, while the first process stays."""
_UNSEEN_RELOADS = ("caddy", "traefik", "open-webui", "sillytavern")
"""Kinds that a reload does not show, or that read their file when they need it."""

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


@dataclass(frozen=True, slots=True)
class RouterStaleness:
    """What was changed after the router's process began."""

    started: float
    """Seconds since the epoch."""
    newer: Mapping[str, float] = field(default_factory=dict)
    """Path -> when it was changed."""


def router_staleness(
    host: Host, site: RouterSite, inputs: RouterInputs | None, table: ProcessTable | None = None
) -> RouterStaleness:
    """Compare times. Raises Absent where no process runs that could be old."""
    process = site.process
    if process is None or not process.started:
        raise Absent("the router does not run")
    since = max([process.started, *_workers(site, table)])
    newer = {}
    for path in dict.fromkeys(_read_once(site, inputs)):
        changed = _changed(host, path)
        if changed is not None and changed > since + _SLACK:
            newer[path] = changed
    return RouterStaleness(since, newer)


def _workers(site: RouterSite, table: ProcessTable | None) -> Iterator[float]:
    """When the workers of a gateway began that starts them anew with each reload."""
    for one in table.processes if table and site.kind in _RELOADED else ():
        if one.pid in site.pids and one.started:
            yield one.started


def _read_once(site: RouterSite, inputs: RouterInputs | None) -> Iterator[str]:
    """The files that a router has from its start on."""
    running = site.process.argv if site.process else ()
    command = (*(site.unit.command if site.unit else ()), *running)
    reloads = any(word.startswith(_RELOADS) for word in command) or site.kind in _UNSEEN_RELOADS
    if site.path and not reloads:
        yield site.path
        if site.kind in _RELOADED and inputs:
            yield from inputs.files
        if site.kind == "python" and inputs:
            yield from _of_source(inputs)
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


def _of_source(inputs: RouterInputs) -> Iterator[str]:
    """The other modules of its program, and configuration files that it opens while it starts and
    does not write itself.
    """
    yield from inputs.sources
    written = inputs.reading.writes_files
    for part in inputs.reading.modules:
        read = {name: line for name, line in part.reads_files.items() if name in inputs.files}
        tree = _tree(inputs.sources.get(part.path, "")) if read else None
        for name, line in read.items():
            if tree and name not in written and _at_start(tree, line):
                yield name


def _tree(text: str) -> ast.Module | None:
    try:
        return python_of(legible(text.removeprefix("\ufeff")))
    except Unreadable:
        return None


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


GATHERERS = (router_staleness,)
