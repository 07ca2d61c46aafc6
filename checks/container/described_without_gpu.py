"""A description runs TabbyAPI without asking for a GPU.

## What it checks
In the file of `--deployment`: `gpus:`, `deploy.resources.reservations.devices`, `devices:`,
`runtime: nvidia`, `privileged`; `AddDevice=` and `PodmanArgs=` of a quadlet.

## Why it matters
An engine gives a container no GPU of itself: TabbyAPI ends as it loads its model.

## How it is told
By the file, and the further files of its project: what it extends, the override that compose reads
of itself, `COMPOSE_FILE` of `.env`. Where an overlay beside it would give it a GPU, and nothing
says that it is used, that is not known. With `NVIDIA_VISIBLE_DEVICES` and nothing else it works
where the engine's default runtime is `nvidia`: that is a warning. One that is to start without a
model, and says `unsafe_launch`, needs none.

## What to do
`gpus: all` in the service; `AddDevice=nvidia.com/gpu=all` in a quadlet.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Severity, Unknown, check
from tabbydoctor.described.parts import Description
from tabbydoctor.described.server import DescribedServers

_WANTED = {"compose": "gpus: all", "quadlet": "AddDevice=nvidia.com/gpu=all"}


@check("CTR012", "described-without-gpu", category="container", severity=Severity.ERROR)
def described_without_gpu(servers: DescribedServers, description: Description) -> Iterator[Finding]:
    wanted = _WANTED.get(description.kind)
    if wanted is None:
        raise Absent("a Dockerfile asks for no GPU: who runs its image does")
    unknown = ""
    for server in servers.servers:
        service = server.service
        if service.gpu or server.value("developer", "unsafe_launch"):
            continue
        if service.gpu is None:
            unknown = f"whether {service.name} gets a GPU is not known: {service.gpu_unread}"
            continue
        by_default = "NVIDIA_VISIBLE_DEVICES" in service.environment
        yield Finding(
            f"{service.name} asks for no GPU",
            "It gets one only where the engine's default runtime is nvidia."
            if by_default
            else "An engine gives none of itself: TabbyAPI ends as it loads its model.",
            (Evidence(description.where(service.line), wanted, "no GPU"),),
            (Remedy(f"Add {wanted} to it"),),
            severity=Severity.WARNING if by_default else None,
        )
    if unknown:
        raise Unknown(unknown)
