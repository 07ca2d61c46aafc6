"""Which processes are the router's, and where they listen."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from posixpath import basename

from tabbydoctor.deployment.parts import Discovery, Instance, ProcessTable
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.host import Process
from tabbydoctor.tabbyapi.addressing import connectable, host_and_port

_GENERATIONS = 4
_TITLE = re.compile(r"[\w.-]+: worker")
"""What nginx and others write over the command line of a worker."""

_FORWARDERS = re.compile(
    r"docker-proxy|rootlessport|rootlesskit|slirp4netns|pasta(\.avx2)?|systemd-socket-proxyd|sshd?|"
    r"sshd-session|socat|kubectl|tailscaled"
)
"""Programs that carry bytes and know nothing of HTTP: none of them sends a key or could."""


def servers(discovery: Discovery | None) -> list[Instance]:
    """Every TabbyAPI of this machine."""
    if discovery is None:
        return []
    return [one for one in (discovery.instance, *discovery.others) if one is not None]


def servers_pids(discovery: Discovery | None, table: ProcessTable | None) -> frozenset[int]:
    """The processes of every TabbyAPI of this machine."""
    found: set[int] = set()
    for one in servers(discovery):
        found |= {one.process.pid} if one.process else set()
        found |= _of_unit(one.unit, table) if one.unit else set()
    return frozenset(found)


def family(
    unit: Unit | None,
    process: Process | None,
    table: ProcessTable | None,
    others: Container[int] = frozenset(),
) -> frozenset[int]:
    """The router's processes: its unit's, and those that serve on the same sockets."""
    found = _of_unit(unit, table) if unit else set()
    found |= workers(process, table)
    return frozenset(pid for pid in found if pid not in others)


def urls_of(
    pids: frozenset[int], main: Process | None, table: ProcessTable | None
) -> tuple[str, ...]:
    """Where these processes listen: base URLs that can be connected to.

    What the main process and its workers listen on counts before what it has started.
    """
    listeners = [one for one in (table.listeners if table else ()) if one.pid in pids]
    own = workers(main, table)
    listeners = [one for one in listeners if one.pid in own] or listeners
    listeners.sort(key=lambda one: one.port)
    places = (host_and_port(host, one.port) for one in listeners for host in _reached(one.address))
    return tuple(dict.fromkeys(f"http://{place}" for place in places))


def _reached(address: str) -> tuple[str, ...]:
    """Where to connect for an address that is listened on; `::` takes IPv4 too (ipv6(7))."""
    return ("127.0.0.1", "::1") if address == "::" else (connectable(address),)


def workers(process: Process | None, table: ProcessTable | None) -> set[int]:
    """A process with those that serve on the same sockets: one opens them, its workers share."""
    if process is None or table is None:
        return {process.pid} if process else set()
    first = process
    for _ in range(_GENERATIONS):
        parent = table.process(first.parent)
        if parent is None or not _is_worker(first, parent):
            break
        first = parent
    return {first.pid, process.pid} | {
        one.pid for one in table.processes if one.parent == first.pid and _is_worker(one, first)
    }


def _is_worker(child: Process, parent: Process) -> bool:
    """A fork keeps the command line, or shows a title; Python's multiprocessing says so."""
    if child.cgroup != parent.cgroup or not child.argv:
        return False
    spawned = any("multiprocessing" in word for word in child.argv[1:4])
    return child.argv == parent.argv or spawned or _TITLE.match(child.argv[0]) is not None


def _of_unit(unit: Unit | None, table: ProcessTable | None) -> set[int]:
    if unit is None:
        return set()
    main = {unit.main_pid} if unit.main_pid else set()
    every = table.processes if table else ()
    return main | {
        one.pid for one in every if one.unit == unit.name and one.user_unit == unit.user_manager
    }


def carries(argv: Sequence[str]) -> bool:
    """Whether a command runs a program that only carries bytes."""
    program = basename(argv[0].split(" ", 1)[0].rstrip(":")) if argv else ""
    return _FORWARDERS.fullmatch(program) is not None
