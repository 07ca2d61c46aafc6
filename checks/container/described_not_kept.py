"""A description mounts no api_tokens.yml, or no config.yml: an update loses them.

## What it checks
In the file of `--deployment`: whether something is mounted where TabbyAPI keeps its keys, and
where it reads its configuration (its working directory, or what `--config` names).

## Why it matters
Each `docker compose up` after a pull makes the container anew, with new keys: every client is
refused. A configuration that was edited in the container is gone.

## How it is told
By the file. Without authentication there are no keys to keep; a configuration may come from
`TABBY_…` variables or arguments instead. A mount of the whole directory, and volumes, count.

## What to do
Make the file first (Docker makes a directory where there is none), and mount it:
`./api_tokens.yml:/app/api_tokens.yml`.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Severity, check
from tabbydoctor.described.parts import Description
from tabbydoctor.described.server import DescribedServer, DescribedServers


@check("CTR013", "described-not-kept", category="container", severity=Severity.WARNING)
def described_not_kept(servers: DescribedServers, description: Description) -> Iterator[Finding]:
    if description.kind == "Dockerfile":
        raise Absent("what is mounted is said by who runs the image")
    for server in servers.servers:
        if server.service.own_entrypoint:
            continue
        if server.tokens_mount is None and not server.auth_off:
            yield _lost(server, description, "api_tokens.yml", "TabbyAPI makes other keys", None)
        if server.config_mount is None and not server.settings:
            yield _lost(server, description, "config.yml", "it runs on its defaults", Severity.INFO)


def _lost(
    server: DescribedServer,
    description: Description,
    name: str,
    then: str,
    severity: Severity | None,
) -> Finding:
    service = server.service
    target = f"{service.directory.rstrip('/')}/{name}"
    mount = f"./{name}:{target}"
    said = f"Volume={mount}" if description.kind == "quadlet" else f"- {mount}"
    return Finding(
        f"{service.name} mounts no {name}: each container made anew begins without",
        f"After an update {then}.",
        (Evidence(description.where(service.line), f"a mount at {target}", "none"),),
        (Remedy(f"Make the file, then mount it: {said}"),),
        severity=severity,
    )
