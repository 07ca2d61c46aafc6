"""A service of a description looks for TabbyAPI at its own localhost.

## What it checks
In the file of `--deployment`: the URLs in the variables and arguments of the other services that
name `localhost` and TabbyAPI's port.

## Why it matters
A container's `localhost` is the container itself: it is refused, or asks something else.

## How it is told
By the URLs, beside the port that TabbyAPI listens at, and those that are published. A service with
the machine's network is right. `host.docker.internal` is known on Linux only where the service has
it among its `extra_hosts`.

## What to do
Ask for the service by its name: `http://tabbyapi:5000/v1`, with the port inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Severity, check
from tabbydoctor.described.parts import DescribedService, Description
from tabbydoctor.described.server import DescribedServer, DescribedServers

_LOCAL = re.compile(r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]):(\d+)(\S*)")
_HOST = re.compile(r"https?://host\.docker\.internal:(\d+)(\S*)")


@check("CTR015", "described-localhost", category="container", severity=Severity.ERROR)
def described_localhost(servers: DescribedServers, description: Description) -> Iterator[Finding]:
    own = {one.service.name for one in servers.servers}
    others = [one for one in description.services if one.name not in own and not one.host_network]
    if not others:
        raise Absent(f"{description.path} has no other service")
    for service in others:
        for where, text in _texts(service, description):
            for server in servers.servers:
                yield from _judged(service, server, where, text)


def _texts(service: DescribedService, description: Description) -> Iterator[tuple[str, str]]:
    for said in service.environment.values():
        yield description.where(said.line), said.value
    yield description.where(service.command_line), " ".join(service.command)


def _judged(
    service: DescribedService, server: DescribedServer, where: str, text: str
) -> Iterator[Finding]:
    target = server.service
    published = {port.outer for port in target.ports if port.inner in (None, server.port)}
    for found in _LOCAL.finditer(text):
        if int(found[1]) in {server.port, *published}:
            named = "host.docker.internal" if target.host_network else target.name
            right = f"http://{named}:{server.port}{found[2]}"
            yield Finding(
                f"{service.name} looks for TabbyAPI at its own localhost",
                "A container's localhost is the container itself: nothing answers there.",
                (Evidence(where, right, found[0]),),
                (Remedy(f"Write {right}"),),
            )
    for found in _HOST.finditer(text):
        if int(found[1]) in published and not service.knows_host:
            right = f"http://{target.name}:{server.port}{found[2]}"
            yield Finding(
                f"{service.name} asks host.docker.internal, which it does not know on Linux",
                "Docker resolves that name of itself on its desktop editions alone.",
                (Evidence(where, right, found[0]),),
                (
                    Remedy(f"Write {right}"),
                    Remedy('Or add extra_hosts: ["host.docker.internal:host-gateway"]'),
                ),
                severity=Severity.WARNING,
            )
