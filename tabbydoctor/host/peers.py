"""Who holds the far end of a TCP connection, as the kernel tells it (proc_pid_net(5)).

The pair of addresses and ports of a connection is its own while it stands: the row that has
them the other way round is the socket the other side accepted, and its inode stands in
/proc/PID/fd of whoever holds it. A listing of listeners tells less: whose port it was before.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from ipaddress import IPv6Address, ip_address

from tabbydoctor.host import processes
from tabbydoctor.host.data import Admission, Listener, Peer, Process

_TABLES = ("tcp", "tcp6")
_LISTEN = "0A"
_OPEN = ("01", "03", "08")
"""ESTABLISHED, SYN_RECV, CLOSE_WAIT (the kernel's net/tcp_states.h): yet to be accepted."""
_MAPPED = struct.pack(">10sH", b"", 0xFFFF)
_LOCAL_IPV4 = re.compile(r"\|-- (\S+)\n\s+/32 host LOCAL")
_MOMENT = 0.001
"""Seconds."""

SocketAddress = tuple[str, int]
Line = tuple[Process, ...]


class Peers:
    """Looks for the far ends of connections. Use it from one event loop.

    The kernel walks over all its sockets for each reading of a table: those who ask at the same
    time share one, which begins after the last of them asked.
    """

    def __init__(self) -> None:
        self._readings: dict[str, asyncio.Task[str]] = {}

    async def of(self, here: SocketAddress, there: SocketAddress, admission: Admission) -> Peer:
        """The far end of a connection from `here` to `there`, once it was accepted."""
        deadline, pause = time.monotonic() + admission.patience, _MOMENT
        while True:
            rows = await self._rows(here, there, admission.namespace)
            inode = max((inode for _, inode in rows), default=0)
            waits = not inode and any(state in _OPEN for state, _ in rows)
            if not waits or time.monotonic() > deadline:
                break
            await asyncio.sleep(pause)
            pause = min(2 * pause, 0.05)
        return Peer(*there, local=bool(rows), holders=_holders(inode, admission.likely))

    async def _rows(
        self, here: SocketAddress, there: SocketAddress, namespace: int | None
    ) -> list[tuple[str, int]]:
        for path in _tables(there[0], namespace):
            if rows := _ends(await self._text(path), there, here):
                return rows
        return []

    async def _text(self, path: str) -> str:
        if path not in self._readings:
            self._readings[path] = asyncio.create_task(self._read(path))
        return await asyncio.shield(self._readings[path])

    async def _read(self, path: str) -> str:
        await asyncio.sleep(_MOMENT)
        del self._readings[path]  # who asks from now on may have connected too late for it
        return _text(path)


def inner_listeners(pid: int) -> Sequence[Listener]:
    """The listening sockets of a process in a network namespace of its own, as seen from outside.

    Empty where it has none, shares this one's, or may not be looked at.
    """
    if not _elsewhere(pid):
        return ()
    inodes = _sockets(pid)
    rows = [row for name in _TABLES for row in _rows(f"/proc/{pid}/net/{name}")]
    bound = [_place(row[1]) for row in rows if row[3] == _LISTEN and int(row[9]) in inodes]
    outer = [one for one in _addresses(pid) if not ip_address(one).is_loopback]
    return [
        Listener(address, port, pid)
        for host, port in bound
        for address in outer
        if host in (address, "::") or (host == "0.0.0.0" and ":" not in address)
    ]


def _tables(address: str, namespace: int | None) -> list[str]:
    """The socket tables to look into. Loopback leads to no other namespace."""
    inner = namespace is not None and not ip_address(_bare(address)).is_loopback
    directories = ["/proc/net", *([f"/proc/{namespace}/net"] if inner else [])]
    return [f"{directory}/{name}" for directory in directories for name in _TABLES]


def _ends(text: str, local: SocketAddress, remote: SocketAddress) -> list[tuple[str, int]]:
    """State and inode (0: nobody has it open) of the sockets with these two ends."""
    found = []
    for here, there in zip(_shapes(local), _shapes(remote), strict=True):
        wanted = f" {here} {there} "
        for row in text.splitlines() if wanted in text else ():
            if wanted in row:
                fields = row[row.index(wanted) :].split()
                found.append((fields[2], int(fields[8])))
    return found


def _shapes(place: SocketAddress) -> list[str]:
    """`address:port` as the kernel writes it; an IPv4 one as IPv6 sockets have it, too."""
    address = ip_address(_bare(place[0]))
    packed = [address.packed]
    if address.version == 4:
        packed.append(_MAPPED + address.packed)
    return [f"{_hex(each)}:{place[1]:04X}" for each in packed]


def _bare(address: str) -> str:
    """Without a scope, and an IPv4-mapped address as the IPv4 one it is."""
    found = ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)


def _hex(packed: bytes) -> str:
    """The kernel prints addresses as 32-bit words of the machine's byte order."""
    return "".join(f"{word:08X}" for word in struct.unpack(f"={len(packed) // 4}I", packed))


def _place(text: str) -> SocketAddress:
    """What `_shapes` writes, read back."""
    words, _, port = text.partition(":")
    numbers = [int(words[at : at + 8], 16) for at in range(0, len(words), 8)]
    packed = struct.pack(f"={len(numbers)}I", *numbers)
    family = socket.AF_INET6 if len(packed) == 16 else socket.AF_INET
    return _bare(socket.inet_ntop(family, packed)), int(port, 16)


def _rows(path: str) -> Iterator[list[str]]:
    for line in _text(path).splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9:
            yield fields


def _addresses(pid: int) -> Iterator[str]:
    """The addresses of a process's network namespace, link-local ones left out."""
    yield from dict.fromkeys(_LOCAL_IPV4.findall(_text(f"/proc/{pid}/net/fib_trie")))
    for line in _text(f"/proc/{pid}/net/if_inet6").splitlines():
        address = IPv6Address(bytes.fromhex(line.split()[0]))
        if not address.is_link_local:
            yield str(address)


def _elsewhere(pid: int) -> bool:
    try:
        return os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")
    except OSError:
        return False


def _holders(inode: int, likely: Sequence[Line]) -> tuple[Line, ...]:
    if not inode:
        return ()
    known = [line for line in likely if inode in _sockets(line[0].pid)]
    if known and all(processes.started(line[0].pid) == line[0].started for line in known):
        return tuple(known)
    held = [pid for pid in processes.pids() if inode in _sockets(pid)]
    return tuple(map(processes.line_of, held))


def _sockets(pid: int) -> set[int]:
    """The inodes of the sockets that a process has open, as far as it may be seen."""
    found: set[int] = set()
    directory = f"/proc/{pid}/fd"
    try:
        for name in os.listdir(directory):
            found.add(_socket(f"{directory}/{name}"))
    except OSError:  # it ended, or is another account's
        pass
    return found


def _socket(path: str) -> int:
    try:
        target = os.readlink(path)
    except OSError:  # closed meanwhile
        return 0
    return int(target[8:-1]) if target.startswith("socket:[") else 0


def _text(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
