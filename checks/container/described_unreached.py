"""A description publishes a port of TabbyAPI's that leads to nothing.

## What it checks
In the file of `--deployment`: whether TabbyAPI is to listen at the loopback of its container, and
whether the published ports lead to the port that it listens at.

## Why it matters
A container's loopback is its own: whoever asks at the published port is refused.

## How it is told
By the mounted `config.yml`, where that is beside the file, by `TABBY_NETWORK_…` variables and by
arguments. Where none of them says it, the image may: that is not judged. An image may start it
with `--host` (the project's own of 2026 do), which beats the file and the variables: without a
`command:` of the service it is only remarked upon.

## What to do
`network.host: 0.0.0.0` in the container; who reaches it is said by where it is published.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Severity, check
from tabbydoctor.described.parts import Description
from tabbydoctor.described.server import DescribedServer, DescribedServers
from tabbydoctor.tabbyapi.binding import binds_loopback_only


@check("CTR016", "described-unreached", category="container", severity=Severity.ERROR)
def described_unreached(servers: DescribedServers, description: Description) -> Iterator[Finding]:
    published = [
        one for one in servers.servers if one.service.ports and not one.service.host_network
    ]
    if not published:
        raise Absent("no TabbyAPI of it has a published port")
    for server in published:
        yield from _loopback(server, description)
        yield from _port(server, description)


def _loopback(server: DescribedServer, description: Description) -> Iterator[Finding]:
    said = server.settings.get(("network", "host"))
    if said is None or "\0" in str(said.value) or not binds_loopback_only(str(said.value)):
        return
    first = server.service.ports[0]
    by_image = not any("main.py" in word for word in server.service.command)
    yield Finding(
        f"{server.service.name} listens at {said.value} inside its container: {first.text} ends "
        "outside it",
        "A container's loopback is its own: whoever asks at the published port is refused"
        + (", unless its image starts it with --host, which comes first." if by_image else "."),
        (
            Evidence(said.where, "host: 0.0.0.0", f"host: {said.value}"),
            Evidence(description.where(first.line), actual=first.text),
        ),
        (Remedy("Set network.host to 0.0.0.0"),),
        severity=Severity.INFO if by_image else None,
    )


def _port(server: DescribedServer, description: Description) -> Iterator[Finding]:
    ports = server.service.ports
    said = server.settings.get(("network", "port"))
    known = said is not None or (server.config_mount is not None and not server.unread)
    if not known or any(port.inner in (None, server.port) for port in ports):
        return
    first = ports[0]
    yield Finding(
        f"{first.text} leads to port {first.inner} of {server.service.name}, which listens at "
        f"{server.port}",
        "Whoever asks at the published port is refused.",
        (
            Evidence(description.where(first.line), f"…:{server.port}", first.text),
            Evidence(said.where if said else "TabbyAPI's default", actual=f"port: {server.port}"),
        ),
        (Remedy(f"Publish {first.outer or server.port}:{server.port}"),),
    )
