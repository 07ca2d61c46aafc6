"""The health check of a description can never turn green.

## What it checks
In the file of `--deployment`: what the health check of TabbyAPI's container asks for: port, path,
method and key.

## Why it matters
What waits for it (`condition: service_healthy`) never starts, and an orchestrator takes TabbyAPI
out although it serves.

## How it is told
TabbyAPI answers `GET /health` to everybody; `HEAD` with 405 (`wget --spider`, `curl -I`), `/` with
404, `/v1/…` with 401 without a key. The check runs inside: its port is the container's, not the
published one.

## What to do
`test: ["CMD", "curl", "-f", "http://127.0.0.1:5000/health"]`, with a `start_period` as long as the
model takes to load.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Severity, check
from tabbydoctor.described.parts import Description
from tabbydoctor.described.server import DescribedServer, DescribedServers
from tabbydoctor.tabbyapi.health_test import hopeless


@check("CTR014", "described-health", category="container", severity=Severity.WARNING)
def described_health(servers: DescribedServers, description: Description) -> Iterator[Finding]:
    checked = [one for one in servers.servers if one.service.health]
    if not checked:
        raise Absent("no TabbyAPI of it has a health check")
    for server in checked:
        service = server.service
        why = hopeless(service.health, _port(server), _auth_off(server))
        if why:
            good = f"curl -f http://127.0.0.1:{server.port}/health"
            yield Finding(
                f"The health check of {service.name} cannot turn green: {why}",
                "What waits for it does not start.",
                (
                    Evidence(
                        description.where(service.health_line), good, shlex.join(service.health)
                    ),
                ),
                (Remedy(f"Let it ask for {good}"),),
            )


def _port(server: DescribedServer) -> int | None:
    """None where something unread may say another."""
    said = ("network", "port") in server.settings
    return server.port if said or not server.unread else None


def _auth_off(server: DescribedServer) -> bool | None:
    said = ("network", "disable_auth") in server.settings
    return server.auth_off if said or not server.unread else None
