"""The doctor runs inside a container: what is outside of it is judged there.

## What it checks
Whether the doctor itself runs in a container.

## Why it matters
Which ports are published, what is mounted from where, the units, the kernel log and the router of
the machine are not seen from inside. That is said here, once.

## How it is told
By `/.dockerenv` or `/run/.containerenv`.

## What to do
Run it as root on the machine that the container runs on: it looks inside from there. The
description of the container can be judged anywhere: `tabbydoctor check --deployment FILE`.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Severity, check
from tabbydoctor.deployment.parts import Machine
from tabbydoctor.invocation import invocation


@check("CTR007", "container-from-inside", category="container", severity=Severity.INFO)
def from_inside(machine: Machine) -> Iterator[Finding]:
    kind = machine.container
    if kind is None:
        raise Absent("the doctor runs in no container")
    mark = "/run/.containerenv" if kind == "podman" else "/.dockerenv"
    yield Finding(
        f"This is the inside of a {kind} container: what is outside of it is not judged here",
        "Published ports, mounts, units, the kernel log and the machine's router are seen there.",
        (Evidence(mark, actual="is there"),),
        (
            Remedy("Run it on the machine, as root", commands=(invocation("check", root=True),)),
            Remedy("Or judge what the container is made from",
                   commands=(invocation("check --deployment compose.yaml"),)),
        ),
    )  # fmt: skip
