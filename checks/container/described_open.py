"""A description runs TabbyAPI without authentication, at a port that other machines reach.

## What it checks
In the file of `--deployment`: whether authentication is off (in the mounted `config.yml`, by
`TABBY_NETWORK_DISABLE_AUTH`, by `--disable-auth`), and where the port is published.

## Why it matters
Every caller is admin. `5000:5000` publishes at every address of the machine, and Docker's rules
come before those of most firewalls (ufw, firewalld).

## How it is told
By the file, and the `config.yml` that it mounts, where that is beside it. Nothing is started.

## What to do
Switch authentication on and give the clients a key, or publish at `127.0.0.1:5000:5000`. Other
services reach it by its name all the same, without any port published.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Severity, Unknown, check
from tabbydoctor.described.parts import Description, Port
from tabbydoctor.described.server import DescribedServer, DescribedServers
from tabbydoctor.tabbyapi.binding import binds_loopback_only

_UNSET = "\0"


@check("CTR010", "described-open", category="container", severity=Severity.ERROR)
def described_open(servers: DescribedServers, description: Description) -> Iterator[Finding]:
    unread = ""
    for server in servers.servers:
        ports = list(_far(server, description))
        if not ports:
            continue
        if server.auth_off:
            yield _open(server, ports, description)
        elif server.unread and ("network", "disable_auth") not in server.settings:
            unread = f"whether {server.service.name} asks for a key is not known: {server.unread}"
    if unread:
        raise Unknown(unread)


def _far(server: DescribedServer, description: Description) -> Iterator[Port]:
    """The ports at which other machines reach it."""
    service = server.service
    if service.host_network:
        host = str(server.value("network", "host", "127.0.0.1"))
        if not binds_loopback_only(host):
            text = f"network host, {host}:{server.port}"
            yield Port(text, service.line, host, server.port, server.port)
        return
    for port in service.ports:
        if port.inner in (None, server.port) and not _near(port):
            yield port


def _near(port: Port) -> bool:
    if _UNSET in port.address:
        raise Unknown(f"at which address {port.text} is published is decided by a variable")
    return binds_loopback_only(port.address)


def _open(server: DescribedServer, ports: list[Port], description: Description) -> Finding:
    said = server.settings["network", "disable_auth"]
    first = ports[0]
    near = f"127.0.0.1:{first.outer or server.port}:{first.inner or server.port}"
    return Finding(
        f"{server.service.name} runs without authentication, published as {first.text}",
        "Everyone who can connect is admin: may load, unload and download models.",
        (
            Evidence(said.where, "disable_auth: false", "disable_auth: true"),
            *(Evidence(description.where(one.line), near, one.text) for one in ports),
        ),
        (
            Remedy("Switch authentication on there, and give the clients the key"),
            Remedy(f"Or publish it on its machine alone: {near}"),
        ),
    )
