"""What may be the router in front of TabbyAPI: a unit, who talks to it, who speaks of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from posixpath import basename
from urllib.parse import urlsplit

from tabbydoctor.deployment.container import Container
from tabbydoctor.deployment.containers import container, container_of
from tabbydoctor.deployment.parts import Connections, Discovery, ProcessTable, RouterSite
from tabbydoctor.deployment.reader import eyes, has_lent_rights
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.deployment.units import unit_of_process
from tabbydoctor.facts import Unknown
from tabbydoctor.front.design import UNIT as FRONT
from tabbydoctor.front.standing import Front
from tabbydoctor.host import Account, Host, Process
from tabbydoctor.records import dataclass, replace
from tabbydoctor.routers.included import Included
from tabbydoctor.routers.kinds import BUILT_IN, UNKNOWN, RouterKinds
from tabbydoctor.routers.modules import Modules
from tabbydoctor.routers.site import in_container as inner
from tabbydoctor.routers.site.command import RouterCommand, router_command
from tabbydoctor.routers.site.composed import contained, described
from tabbydoctor.routers.site.content import address_pattern, content, source_text, speaks_of
from tabbydoctor.routers.site.environment import router_environment
from tabbydoctor.routers.site.listening import carries, family, servers_pids, urls_of
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Address

_ROUTES = re.compile(r"router|gateway|proxy|litellm|llama-?swap|balanc|switch", re.IGNORECASE)
_STARTERS = re.compile(
    r"^(supervisord|crond?|atd|pm2|PM2.*|runsv(dir)?|tmux.*|screen|containerd.*)$"
)
"""Programs that start others in their own unit."""


@dataclass(frozen=True, slots=True)
class TabbyPlace:
    """Where TabbyAPI is, or is to be."""

    ports: frozenset[int]
    hosts: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, config: EffectiveConfig | None, address: Address | None, front: Front | None = None
    ) -> TabbyPlace:
        """By its configuration and by where it is reached; who asks its front asks it."""
        found = urlsplit(address.url) if address else None
        ports = {config.port if config else 5000, *([found.port] if found and found.port else [])}
        if front:
            ports.add(front.design.port)
        hosts = (config.host if config else "", (found.hostname if found else "") or "")
        return cls(frozenset(ports), hosts)


@dataclass(frozen=True)
class Around:
    """The machine around TabbyAPI, in which the router is looked for."""

    host: Host
    table: ProcessTable | None
    discovery: Discovery | None
    connections: Connections | None
    place: TabbyPlace
    kinds: RouterKinds = BUILT_IN

    @cached_property
    def tabby(self) -> frozenset[int]:
        """TabbyAPI's own processes."""
        return servers_pids(self.discovery, self.table)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What finds TabbyAPI's address in a text."""
        return address_pattern(self.place.ports, self.place.hosts)

    @cached_property
    def talking(self) -> frozenset[int]:
        """The processes that hold a connection to TabbyAPI's port."""
        every = self.connections
        made = [one for port in self.place.ports for one in (every.made_to(port) if every else ())]
        return frozenset(one.pid for one in made if one.pid is not None) - self.tabby

    def process(self, unit: Unit) -> Process | None:
        """The main process of a unit."""
        return self.table.process(unit.main_pid) if self.table else None

    def account(self, unit: Unit) -> Account | None:
        """Whom a unit runs as."""
        return self.host.account(unit.user)

    def listens(self, process: Process) -> bool:
        """Whether a process serves anything itself."""
        return bool(self.with_sockets(RouterSite(None, UNKNOWN, process=process)).urls)

    def with_sockets(self, site: RouterSite) -> RouterSite:
        """The router with its processes, and where they listen."""
        pids = family(site.unit, site.process, self.table, self.tabby)
        return replace(site, pids=pids, urls=urls_of(pids, site.process, self.table))


# Units


def of_unit(around: Around, unit: Unit) -> RouterSite | None:
    """The router that a unit runs; None where nothing of it can be one."""
    process = around.process(unit)
    bare = RouterSite(None, UNKNOWN, unit, process, around.account(unit), _found_by(unit))
    seen = eyes(around.host, bare)
    command = router_command(unit.command, unit.working_directory, seen, router_environment(bare))
    if command is None:
        running = around.with_sockets(RouterSite(None, UNKNOWN, unit, process))
        known = running.urls or usual(unit) or named_router(unit.name)
        if not unit.command or not known or carries(unit.command):
            return None
        files = content(seen, unit.command, unit.working_directory, None, None).files
        return _configured(around, bare, seen, files)
    return _with_command(around, bare, command, seen)


def usual(unit: Unit) -> bool:
    """Whether a unit has the usual name of a router's."""
    return unit.name == "llm-router.service"


def _found_by(unit: Unit) -> str:
    return "its usual name" if usual(unit) else f"what {unit.name} runs"


def concerns(around: Around, site: RouterSite) -> bool:
    """Whether what a unit runs speaks of TabbyAPI, or is seen to talk to it."""
    unit = site.unit
    if unit is None or usual(unit):
        return unit is not None
    listening = around.with_sockets(site)
    if listening.urls and listening.pids & around.talking:
        return True
    seen = eyes(around.host, site)
    try:
        texts = [source_text(seen, site.path)] if site.path else []
    except Unknown:
        return named_router(unit.name)
    if site.kind == "python" and site.path:
        texts += Modules.of(seen, site.path, texts[0], site.roots, inner.MODULES).files.values()
    elif site.path:
        kind = around.kinds.named(site.kind)
        words, place = unit.command, unit.working_directory
        texts += Included.of(seen, kind, site.path, texts[0], words, place).files.values()
    if any("TabbyConfigModel" in text for text in texts):
        return False
    named = any("tabby" in text.lower() for text in texts)
    if named and (site.kind != "python" or any(inner.SENDS.search(text) for text in texts)):
        return True
    if any(speaks_of(text, around.pattern) for text in texts[1:]):
        return True
    given = [file.text for file in unit.files]
    given += [file.text or "" for file in unit.environment_files]
    if any(speaks_of(each, around.pattern) for each in given):
        return True
    runs = content(seen, unit.command, unit.working_directory, site.path, site.process)
    return runs.mentions(around.pattern)


def is_module(around: Around, site: RouterSite, path: str) -> bool:
    """Whether a file is a module of a router's program, and not the one that it begins with."""
    if site.kind != "python" or site.path is None:
        return False
    seen = eyes(around.host, site)
    try:
        text = source_text(seen, site.path)
    except Unknown:
        return False
    return path in Modules.of(seen, site.path, text, site.roots).files


# Processes


def callers(around: Around) -> Iterator[RouterSite]:
    """Who holds a connection to TabbyAPI's port and listens itself."""
    for process in _processes(around):
        if process.pid in around.talking and around.listens(process):
            by = f"process {process.pid}, which is connected to TabbyAPI"
            yield replace(of_process(around, process), found_by=by)


def speakers(around: Around) -> Iterator[RouterSite]:
    """Who listens itself and runs what speaks of TabbyAPI's address."""
    seen: set[int] = set()
    for process in _processes(around):
        if site := _speaking_inside(around, process):
            yield site
            continue
        host = _eyes(around, process)
        command = _command(host, process)
        by_name = command is not None and named_router(command.path or "")
        if process.pid in seen or not (by_name or around.listens(process)):
            continue
        entry = command.path if command else None
        if content(host, process.argv, process.cwd or "/", entry, process).mentions(around.pattern):
            site = of_process(around, process)
            seen |= around.with_sockets(site).pids
            yield site


def _speaking_inside(around: Around, process: Process) -> RouterSite | None:
    """One whose sockets are in its container, by its source."""
    if not (container_of(process) and inner.may_be_source(process)):
        return None
    site = of_process(around, process)
    return site if site.contained and inner.speaks(eyes(around.host, site), site) else None


def _processes(around: Around) -> Iterator[Process]:
    """Those that may be a router: not TabbyAPI's, not the doctor's, no mere carrier of bytes."""
    for process in around.table.processes if around.table else ():
        own = any("tabbydoctor" in basename(word) for word in process.argv)
        own = own or process.unit == FRONT
        if process.pid in around.tabby or own or carries(process.argv):
            continue
        if not has_lent_rights(around.host, process):
            yield process


def _eyes(around: Around, process: Process) -> Host:
    """The host as the account sees it whose arguments name the files."""
    user = around.host.account(process.uid) if process.uid is not None else None
    return eyes(around.host, RouterSite(None, UNKNOWN, process=process, user=user))


def of_process(around: Around, process: Process) -> RouterSite:
    """The router that a process is, with its unit where it has one."""
    host = _eyes(around, process)
    inside = container_of(process)
    user = around.host.account(process.uid) if process.uid is not None else None
    unit, found_by = _own_unit(around, process), f"process {process.pid}"
    bare = RouterSite(None, UNKNOWN, unit, process, user, found_by)
    if command := None if inside else _command(host, process):
        return _with_command(around, bare, command, host)
    if inside and (box := _box(around, process)):
        if site := inner.in_container(host, bare, process, box):
            return site
        if found := contained(around.host, process, box, around.kinds):
            return described(bare, found)
    files = () if inside else content(host, process.argv, process.cwd or "/", None, None).files
    return _configured(around, bare, host, files)


def _box(around: Around, process: Process) -> Container | None:
    """The container that a process is in, as root sees it."""
    seen = around.table if around.host.effective_uid() == 0 else None
    return container(around.host, process, seen) if seen else None


def _command(host: Host, process: Process) -> RouterCommand | None:
    return router_command(process.argv, process.cwd or "/", host, process.environment)


def _with_command(
    around: Around, site: RouterSite, command: RouterCommand, host: Host
) -> RouterSite:
    kind = command.kind or _kind_at(around, host, command.path)
    return replace(site, path=command.path, kind=kind, python=command.python, roots=command.roots)


def _own_unit(around: Around, process: Process) -> Unit | None:
    """The unit that runs a process; not one that only started whatever starts programs there."""
    unit = unit_of_process(around.host, process)
    main = around.process(unit) if unit else None
    if main is None or main.pid == process.pid or not main.argv:
        return unit
    return None if _STARTERS.search(basename(main.argv[0])) or _starts(main) else unit


def _starts(main: Process) -> bool:
    return any(_STARTERS.search(basename(word)) for word in main.argv[1:3])


def runs(host: Host, process: Process, path: str) -> bool:
    """Whether a process runs a file, or is given it."""
    directory = process.cwd or "/"
    command = _command(host, process)
    named = command.path if command else None
    real = host.real_path(path)
    if named is not None:
        return host.real_path(named) == real
    words = [word.partition("=")[2] or word for word in process.argv[1:]]
    return any(host.real_path(f"{directory}/{word}") == real or word == path for word in words)


def named_router(name: str) -> bool:
    """Whether a name is one that routers have."""
    return _ROUTES.search(name) is not None


def _configured(around: Around, site: RouterSite, host: Host, files: tuple[str, ...]) -> RouterSite:
    """The router by the file that its command line is given; a program in Python is run by it."""
    if not files:
        return site
    kinds = {path: _kind_at(around, host, path) for path in files}
    path = next((each for each in files if kinds[each] not in (UNKNOWN, "python")), files[0])
    return replace(site, path=path, kind=UNKNOWN if kinds[path] == "python" else kinds[path])


def _kind_at(around: Around, host: Host, path: str | None) -> str:
    try:
        return around.kinds.of(path, source_text(host, path)) if path else UNKNOWN
    except Unknown:
        return "python" if path and path.endswith(".py") else UNKNOWN
