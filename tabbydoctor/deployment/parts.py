"""The parts of a deployment, each with how it was found. Plain data; see the finders beside.

These are facts: checks name them as parameters.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from tabbydoctor.deployment.container import Container
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.host.data import Account, Connection, Listener, Process
from tabbydoctor.records import dataclass, field


@dataclass(frozen=True, slots=True)
class Machine:
    """What kind of machine this is."""

    systemd: bool
    """systemd is PID 1 and answers."""
    systemd_version: int | None = None
    systemd_problem: str = ""
    """Why systemd cannot be asked, in words with what is needed; empty when it can."""
    nixos: bool = False
    wsl: bool = False
    root: bool = False
    """The doctor runs as root."""
    container: str | None = None
    """The kind of container the doctor itself runs in, or None."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One TabbyAPI on this machine, as it runs or would be started."""

    directory: str
    """Its working directory: where it looks for config.yml and api_tokens.yml."""
    arguments: tuple[str, ...] = ()
    """TabbyAPI's own arguments (after main.py), as far as they are known."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The environment the next start gets: unit and its files, or the running process's."""
    environment_sources: Mapping[str, str] = field(default_factory=dict)
    """Variable -> where it is set: `path:line`, `unit tabbyapi.service`, `process 42`."""
    unit: Unit | None = None
    process: Process | None = None
    """The running server, or None when it is down (or may not be seen)."""
    user: Account | None = None
    """The account it runs as."""
    program: str | None = None
    """The directory that holds main.py, where it is not the working directory."""
    python: str | None = None
    """The interpreter that runs it."""
    container: str | None = None
    """The container it runs in, for example `docker tabbyapi`; None on the host."""
    found_by: Mapping[str, str] = field(default_factory=dict)
    """Part (`dir`, `unit`, `user`, `arguments`, …) -> how it was found, in words."""
    contained: Container | None = None
    """What is known of that container."""

    @property
    def main_directory(self) -> str:
        """Where main.py and common/ are."""
        return self.program or self.directory

    @property
    def name(self) -> str:
        """A name for messages: the unit, the container, or the directory."""
        own = self.unit.name if self.unit else self.container
        return own or self.directory

    def path(self, path: str) -> str:
        """Where root reads a path of TabbyAPI's own view, relative to its working directory."""
        if self.contained and self.directory.startswith(f"{self.contained.root}/"):
            return self.contained.path(path)
        return posixpath.normpath(posixpath.join(self.directory, path))

    def outside(self, path: str) -> str:
        """The name on this machine of a path that is read: what is mounted into a container has
        one of its own, which is the one to name and to edit."""
        return (self.contained.outside(path) if self.contained else "") or path

    @property
    def beside_unit(self) -> bool:
        """Whether the running server is not the unit's: somebody started it by hand, say."""
        unit, process = self.unit, self.process
        if unit is None or process is None or process.pid == unit.main_pid:
            return False
        return (process.unit, process.user_unit) != (unit.name, unit.user_manager)

    @property
    def restart(self) -> tuple[str, ...]:
        """The commands to paste after which it serves anew; none without a unit or container."""
        if self.unit is None:
            return self.contained.restart if self.contained else ()
        stop = (f"sudo kill {self.process.pid}",) if self.process and self.beside_unit else ()
        return (*stop, *self.unit.restart)


@dataclass(frozen=True, slots=True)
class Discovery:
    """What runs TabbyAPI on this machine."""

    instance: Instance | None
    others: tuple[Instance, ...] = ()
    """Further TabbyAPIs on this machine; the one examined is `instance`."""
    unloadable: Unit | None = None
    """TabbyAPI's unit where there is no `instance`: systemd cannot load it, it tells nothing."""


@dataclass(frozen=True, slots=True)
class ProcessState:
    """What the kernel says the server's process does."""

    letter: str
    """`R` running, `S` sleeping, `D` waiting for a device, `T` stopped by a signal, `t` traced by
    a debugger, `Z` ended (proc_pid_stat(5))."""

    @property
    def halted(self) -> bool:
        """Whether it goes on only when somebody lets it."""
        return self.letter in ("T", "t")


@dataclass(frozen=True, slots=True)
class RouterSite:
    """The router in front of TabbyAPI."""

    path: str | None
    """Its source or configuration file."""
    kind: str
    """`python`, `litellm`, `llama-swap`, or `unknown`."""
    unit: Unit | None = None
    process: Process | None = None
    user: Account | None = None
    found_by: str = ""
    python: str | None = None
    """Its interpreter, for a Python router."""
    urls: tuple[str, ...] = ()
    """Where it listens itself, as far as that may be seen: base URLs that can be connected to."""
    pids: frozenset[int] = frozenset()
    """Its processes: the one that runs, and those of its unit."""
    named: bool = False
    """The user named its file."""
    roots: tuple[str, ...] = ()
    """The directories that a Python router's imports start from, its own program's alone."""
    environment: Mapping[str, str] | None = field(default=None, repr=False)
    """Of one in a container its variables, as its description gives them."""
    description: str = ""
    """The compose file that describes it; empty without one."""
    contained: Container | None = None
    """The container that its own program runs in; None on the host."""

    def opened(self, path: str) -> str:
        """Where root finds what the router opens at a path, the name on this machine included."""
        box = self.contained
        return box.path(box.within(path) or path) if box else path

    @property
    def in_image(self) -> bool:
        """Whether its source is its container's alone."""
        return bool(self.contained and (self.path or "").startswith(f"{self.contained.root}/"))


@dataclass(frozen=True, slots=True)
class Units:
    """Every service unit that may have to do with TabbyAPI or a router, loaded and with files."""

    units: tuple[Unit, ...]

    def named(self, name: str, user_manager: bool | None = None) -> Unit | None:
        """The unit of that name (with or without `.service`), or None."""
        full = name if "." in name else f"{name}.service"
        for unit in self.units:
            if unit.name == full and user_manager in (None, unit.user_manager):
                return unit
        return None


@dataclass(frozen=True, slots=True)
class Connections:
    """The TCP connections of the machine, seen at one moment."""

    connections: tuple[Connection, ...]

    def made_to(self, port: int) -> tuple[Connection, ...]:
        """The callers' ends of the connections to a port of any address."""
        return tuple(one for one in self.connections if one.remote[1] == port)


@dataclass(frozen=True, slots=True)
class ProcessTable:
    """The processes and listening sockets of the machine, seen at one moment."""

    processes: tuple[Process, ...]
    listeners: tuple[Listener, ...]

    def process(self, pid: int | None) -> Process | None:
        """A process by number."""
        return next((process for process in self.processes if process.pid == pid), None)

    def holder(self, port: int) -> Process | None:
        """The process that listens on a port, as far as it may be seen."""
        pids = [listener.pid for listener in self.listeners if listener.port == port]
        return next((self.process(pid) for pid in pids if pid is not None), None)
