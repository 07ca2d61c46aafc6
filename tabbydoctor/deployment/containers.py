"""Containers seen from outside: which one a process belongs to (cgroups(7))."""

from __future__ import annotations

import re

from tabbydoctor.host import Process

_SHAPES = (
    (re.compile(r"docker[-/]([0-9a-f]{12,64})"), "docker"),
    (re.compile(r"libpod-(?:conmon-)?([0-9a-f]{12,64})"), "podman"),
    (re.compile(r"cri-containerd-([0-9a-f]{12,64})"), "containerd"),
    (re.compile(r"kubepods.*/([0-9a-f]{64})"), "kubernetes"),
    (re.compile(r"(?:lxc|machine)[./]([\w.-]+?)(?:\.scope|/|$)"), "container"),
)


def container_of(process: Process) -> str | None:
    """`docker 1a2b3c4d5e6f`, or None for a process of the host."""
    for shape, kind in _SHAPES:
        found = shape.search(process.cgroup)
        if found:
            return f"{kind} {found[1][:12]}"
    return None
