"""The process table and listening sockets, from /proc (proc(5)) by way of psutil."""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Mapping, Sequence

import psutil

from tabbydoctor.host.data import Connection, Listener, Process

_UNIT = re.compile(r"/([^/]+\.service)(?=/|$)")
_SERVERS = ("python", ".py", "tabby", "llm", "llama-swap")


def processes() -> Sequence[Process]:
    """Every process but kernel threads; what may not be seen is None."""
    return [_process(pid, arguments) for pid in psutil.pids() if (arguments := _arguments(pid))]


def pids() -> Sequence[int]:
    """The numbers of all processes."""
    return psutil.pids()


def credentials(pid: int) -> tuple[int | None, tuple[int, ...]]:
    """The account and the groups in force of a process; None and nothing where it has ended."""
    status = _text(pid, "status")
    return _account(status), _groups(status) or ()


def line_of(pid: int) -> tuple[Process, ...]:
    """A process as it is now, then its parent, and so on."""
    line: list[Process] = []
    while pid > 0 and pid not in [process.pid for process in line]:
        line.append(_process(pid, _arguments(pid)))
        pid = line[-1].parent
    return tuple(line)


def started(pid: int) -> float:
    """When a process started, in seconds since the epoch; 0 where it has ended."""
    fields = _text(pid, "stat").rpartition(")")[2].split()
    return _boot() + int(fields[19]) / os.sysconf("SC_CLK_TCK") if len(fields) > 19 else 0.0


@functools.cache
def _boot() -> float:
    """Asked once: the kernel tells another second each time the clock is set (proc_stat(5))."""
    return psutil.boot_time()


def _arguments(pid: int) -> tuple[str, ...]:
    """None for a kernel thread, and for a process that has ended or hides them."""
    return tuple(_text(pid, "cmdline").split("\0")[:-1])


def _process(pid: int, argv: tuple[str, ...]) -> Process:
    status = _text(pid, "status")
    cgroup = _text(pid, "cgroup").strip().rsplit("::", 1)[-1]
    unit, user_unit = unit_of(cgroup)
    fields = _text(pid, "stat").rpartition(")")[2].split()
    return Process(
        pid=pid,
        argv=argv,
        uid=_account(status),
        cwd=_link(pid, "cwd"),
        executable=_link(pid, "exe"),
        groups=_groups(status),
        environment=_environment(pid) if _interesting(argv) else None,
        started=started(pid),
        unit=unit,
        cgroup=cgroup,
        user_unit=user_unit,
        parent=int(fields[1]) if len(fields) > 1 else 0,
    )


def _interesting(argv: Sequence[str]) -> bool:
    """Whether the environment is worth reading: only of what could be a server or a router."""
    return any(word in part for part in argv[:3] for word in _SERVERS)


def unit_of(cgroup: str) -> tuple[str | None, bool]:
    """The innermost service of a control group path, and whether a user manager runs it."""
    services = _UNIT.findall(cgroup)
    if not services:
        return None, False
    own_manager = services[-1].startswith("user@")
    return (None if own_manager else services[-1]), "/user@" in cgroup and not own_manager


def listeners() -> Sequence[Listener]:
    """Listening TCP sockets, each once; pid is None where it may not be seen."""
    found: dict[tuple[str, int, int | None], Listener] = {}
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr:
            address, port = _unmapped(connection.laddr[0]), connection.laddr[1]
            found[address, port, connection.pid] = Listener(address, port, connection.pid)
    return list(found.values())


def connections() -> Sequence[Connection]:
    """TCP connections, those on their way and those closed a moment ago included."""
    return [
        Connection(
            (_unmapped(one.laddr[0]), one.laddr[1]),
            (_unmapped(one.raddr[0]), one.raddr[1]),
            one.pid,
        )
        for one in psutil.net_connections("tcp")
        if one.laddr and one.raddr
    ]


def _unmapped(address: str) -> str:
    """An IPv4 address as such, where an IPv6 socket shows it (RFC 4291, 2.5.5.2)."""
    return address.removeprefix("::ffff:") if "." in address else address


def _text(pid: int, name: str) -> str:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read(1 << 18).decode("utf-8", errors="replace")
    except OSError:
        return ""


def _link(pid: int, name: str) -> str | None:
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/{name}")
    return None


def _environment(pid: int) -> Mapping[str, str] | None:
    text = _text(pid, "environ")
    if not text:
        return None
    pairs = (line.partition("=") for line in text.split("\0") if "=" in line)
    return {name: value for name, _, value in pairs}


def _account(status: str) -> int | None:
    """The account that a process acts for: whoever started a program that has root's rights by its
    file chose its name, arguments and directory."""
    found = re.search(r"^Uid:\s+(\d+)\s+(\d+)", status, re.MULTILINE)
    return (int(found[2]) or int(found[1])) if found else None


def _groups(status: str) -> tuple[int, ...] | None:
    groups = re.search(r"^Groups:[ \t]*(.*)$", status, re.MULTILINE)
    gid = re.search(r"^Gid:\s+\d+\s+(\d+)", status, re.MULTILINE)
    if not groups or not gid:
        return None
    return tuple(dict.fromkeys([int(gid[1]), *map(int, groups[1].split())]))
