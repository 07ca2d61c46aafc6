"""Whether a host of a URL is this very machine, where any local process may hold a port."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address

from tabbydoctor.host import Host

_LOCAL_IPV4 = re.compile(r"\|-- (\S+)\n\s+/32 host LOCAL")
"""An address of this machine in /proc/net/fib_trie (the kernel's net/ipv4/fib_trie.c)."""


def is_loopback(name: str) -> bool:
    """Whether a host is the loopback by its text alone."""
    try:
        found = ip_address(name.partition("%")[0])
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
    return found.is_loopback or found.is_unspecified


def is_local(host: Host, name: str) -> bool:
    """Whether a host is loopback, or an address or a hosts(5) name of this machine."""
    own = set(_own_addresses(host))
    here = {name, *hosts_addresses(host, name)}
    return any(is_loopback(address) or address in own for address in here)


def _own_addresses(host: Host) -> Iterator[str]:
    yield from _LOCAL_IPV4.findall(_text(host, "/proc/net/fib_trie"))
    for line in _text(host, "/proc/net/if_inet6").splitlines():
        yield str(IPv6Address(bytes.fromhex(line.split()[0])))


def hosts_addresses(host: Host, name: str) -> tuple[str, ...]:
    """The addresses that /etc/hosts gives a name, in its order (hosts(5))."""
    every = _hosts(host)
    return tuple(address for address, names in every if name.lower() in names)


def own_names(host: Host) -> tuple[str, ...]:
    """The names that /etc/hosts gives to loopback addresses."""
    found = (names for address, names in _hosts(host) if is_loopback(address))
    return tuple(dict.fromkeys(name for names in found for name in names))


def _hosts(host: Host) -> Iterator[tuple[str, list[str]]]:
    for line in _text(host, "/etc/hosts").splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if names:
            yield address, [name.lower() for name in names]


def _text(host: Host, path: str) -> str:
    try:
        return host.read(path).text()
    except OSError:
        return ""
