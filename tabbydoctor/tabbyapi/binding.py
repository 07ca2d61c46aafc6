"""Whom an address to bind lets in."""

from __future__ import annotations

import socket
from ipaddress import IPv6Address, ip_address

_LOOPBACK_NAMES = ("localhost", "ip6-localhost", "ip6-loopback")


def binds_loopback_only(address: str) -> bool:
    """Whether a server bound to this address can be reached from this machine alone.

    An empty text binds every interface (asyncio's `create_server`). Of names only those that
    stand for the loopback everywhere count (RFC 6761): another may resolve to anything.
    """
    name = address.strip().rstrip(".").lower()
    if name in _LOOPBACK_NAMES or name.endswith(".localhost"):
        return True
    try:
        found = ip_address(name.partition("%")[0])
    except ValueError:
        return _short_loopback(name)
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return (mapped or found).is_loopback


def _short_loopback(name: str) -> bool:
    """Whether it is one of inet_aton(3)'s other spellings, such as `127.1`."""
    try:
        return bool(name) and socket.inet_aton(name)[0] == 127
    except (OSError, UnicodeEncodeError):
        return False
