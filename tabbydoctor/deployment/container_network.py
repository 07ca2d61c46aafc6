"""Where a container listens, and where this machine answers for it.

Its sockets are those of its network namespace (proc_pid_net(5)). The ports that are published are
seen by the programs that hand them on, each by its arguments or its sockets.
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address
from itertools import pairwise

from tabbydoctor.deployment.container import Container, Publication, engine_and_id
from tabbydoctor.deployment.parts import ProcessTable
from tabbydoctor.documents import whole_number
from tabbydoctor.host import Host, Process
from tabbydoctor.records import replace

_LISTEN = "0A"
_LOCAL = re.compile(r"\|-- (\S+)\n\s+/32 host LOCAL")
_TABLES = ("tcp", "tcp6")
_LIMIT = 4 << 20
_PASTA = ("pasta", "pasta.avx2", "passt", "passt.avx2")


def network_of(host: Host, box: Container, table: ProcessTable) -> Container:
    """The container, with its sockets and whether its network is this machine's."""
    own = _namespace(host, "self")
    its = _namespace(host, str(box.pid))
    separate = box.own_network if not (own and its) else own != its
    listens, addresses = _listening(host, box.pid), box.addresses or _addresses(host, box.pid)
    return replace(box, own_network=separate, listens=listens, addresses=addresses)


def published_ports(box: Container, table: ProcessTable) -> Container:
    """The container, with the ports that this machine is seen to answer for it."""
    if box.own_network is False:
        return box
    alone = sum(_is_proxy(one) for one in table.processes) == 1
    found = [one for each in table.processes for one in _of_proxy(each, box, alone)]
    found += list(_of_holders(box, table))
    found += list(_of_pasta(box, table))
    return box.with_published(found) if found else box


def _namespace(host: Host, pid: str) -> str:
    try:
        return host.status(f"/proc/{pid}/ns/net", follow=False).link_target or ""
    except OSError:
        return ""


def _addresses(host: Host, pid: int) -> tuple[str, ...]:
    """The addresses of its network namespace, the loopback's left out."""
    try:
        text = host.read(f"/proc/{pid}/net/fib_trie", _LIMIT).text()
    except OSError:
        return ()
    return tuple(dict.fromkeys(one for one in _LOCAL.findall(text) if not one.startswith("127.")))


def _listening(host: Host, pid: int) -> tuple[tuple[str, int], ...] | None:
    found: dict[tuple[str, int], None] = {}
    seen = False
    for name in _TABLES:
        try:
            text = host.read(f"/proc/{pid}/net/{name}", _LIMIT).text()
        except OSError:
            continue
        seen = True
        for line in text.splitlines()[1:]:
            fields = line.split()
            if len(fields) > 3 and fields[3] == _LISTEN and (place := _place(fields[1])):
                found[place] = None
    return tuple(found) if seen else None


def _place(text: str) -> tuple[str, int] | None:
    """Address and port as the kernel writes them: 32-bit words of the machine's byte order."""
    words, _, port = text.partition(":")
    try:
        numbers = [int(words[at : at + 8], 16) for at in range(0, len(words), 8)]
        packed = struct.pack(f"={len(numbers)}I", *numbers)
        family = socket.AF_INET6 if len(packed) == 16 else socket.AF_INET
        address = ip_address(socket.inet_ntop(family, packed))
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return str(mapped or address), int(port, 16)
    except (ValueError, OSError, struct.error):
        return None


# -- who hands on ------------------------------------------------------------------------------


def _program(process: Process) -> str:
    return (process.argv[0] if process.argv else "").rsplit("/", 1)[-1]


def _is_proxy(process: Process) -> bool:
    """Docker's own: anybody may call a program of his so, root of another container too."""
    own = process.uid == 0 and engine_and_id(process.cgroup) is None
    return own and _program(process) == "docker-proxy"


def _of_proxy(process: Process, box: Container, alone: bool) -> Iterator[Publication]:
    """docker-proxy tells both ends; whose the inner one is, its address does."""
    if not _is_proxy(process) or box.engine != "docker":
        return
    words = process.argv
    given = {word.lstrip("-"): value for word, value in pairwise(words) if word.startswith("-")}
    port, inner = _number(given.get("host-port")), _number(given.get("container-port"))
    if given.get("proto", "tcp") != "tcp" or port is None or inner is None:
        return
    theirs = given.get("container-ip", "") in box.addresses if box.addresses else alone
    if theirs:
        address = given.get("host-ip") or "0.0.0.0"
        yield Publication(address, port, inner, f"docker-proxy (pid {process.pid})")


def _of_holders(box: Container, table: ProcessTable) -> Iterator[Publication]:
    """conmon keeps the ports of its container bound; a rootless engine's forwarder holds them.

    To which port inside they lead, neither tells.
    """
    if box.engine != "podman":
        return
    for process in table.processes:
        own = process.pid == box.monitor
        forwards = _program(process) in ("rootlessport", "slirp4netns") and _of_owner(process, box)
        if own or forwards:
            for each in table.listeners:
                if each.pid == process.pid:
                    seen = f"{_program(process)} (pid {process.pid})"
                    yield Publication(each.address, each.port, seen=seen)


def _of_owner(process: Process, box: Container) -> bool:
    return box.owner is not None and process.uid == box.owner.uid


def _of_pasta(box: Container, table: ProcessTable) -> Iterator[Publication]:
    """`pasta -t ADDRESS/PORT:INNER …` (passt(1))."""
    for process in table.processes:
        if _program(process) not in _PASTA or not _of_owner(process, box):
            continue
        for word, value in pairwise(process.argv):
            if word in ("-t", "--tcp-ports"):
                yield from _pasta_ports(value, f"pasta (pid {process.pid})")


def _pasta_ports(text: str, seen: str) -> Iterator[Publication]:
    address, slash, ports = text.rpartition("/")
    for pair in ports.split(","):
        outer, _, inner = pair.partition(":")
        first = _number(outer.partition("-")[0])
        if first is not None:
            target = _number((inner or outer).partition("-")[0])
            yield Publication(address if slash else "0.0.0.0", first, target, seen)


def _number(text: str | None) -> int | None:
    return whole_number(text) if text else None
