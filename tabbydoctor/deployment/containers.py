"""Containers seen from outside: which one a process belongs to (cgroups(7)), and what it is."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace

from tabbydoctor.deployment.container import Container
from tabbydoctor.deployment.container_mounts import mounts_of
from tabbydoctor.deployment.container_network import network_of, published_ports
from tabbydoctor.deployment.engine_records import with_records
from tabbydoctor.deployment.parts import ProcessTable
from tabbydoctor.host import Host, Process

_SHAPES = (
    (re.compile(r"docker[-/]([0-9a-f]{12,64})"), "docker"),
    (re.compile(r"libpod-(?:conmon-|payload-)?([0-9a-f]{12,64})"), "podman"),
    (re.compile(r"cri-containerd-([0-9a-f]{12,64})"), "containerd"),
    (re.compile(r"kubepods.*/([0-9a-f]{64})"), "kubernetes"),
    (re.compile(r"(?:lxc|machine)[./]([\w.-]+?)(?:\.scope|/|$)"), "container"),
)


def container_of(process: Process) -> str | None:
    """`docker 1a2b3c4d5e6f`, or None for a process of the host."""
    found = _engine_and_id(process)
    return f"{found[0]} {found[1][:12]}" if found else None


def container(host: Host, process: Process, table: ProcessTable) -> Container | None:
    """What can be seen of the container that a process is in; None for a process of the host.

    Root sees its mounts, sockets and engine's records; another account what these let it.
    """
    found = _engine_and_id(process)
    if found is None or _is_ours(host, process):
        return None
    engine, id = found
    directory = posixpath.normpath(process.cwd or "/")
    box = Container(engine, id, process.pid, directory, unit=process.unit or "")
    box = replace(box, mounts=mounts_of(host, process.pid, _makers(host, process, table)))
    box = network_of(host, with_records(host, box, table), table)
    return published_ports(box, table)


def _makers(host: Host, process: Process, table: ProcessTable) -> frozenset[int] | None:
    """The accounts that may have made its mounts; None where only root can have.

    In a user namespace of its own an account mounts what it likes, other accounts' files too
    (user_namespaces(7)).
    """
    own, its = (_link(host, f"/proc/{pid}/ns/user") for pid in ("self", process.pid))
    if own == its:
        return None
    above = table.process(process.parent)
    return frozenset(one.uid for one in (process, above) if one and one.uid)


def _link(host: Host, path: str) -> str:
    try:
        return host.status(path, follow=False).link_target or ""
    except OSError:
        return ""


def may_serve(process: Process) -> bool:
    """Whether a container is worth looking at: one of thousands may run something else."""
    words = [word.rsplit("/", 1)[-1] for word in process.argv]
    return any("main" in word or "start." in word or "tabby" in word for word in words)


def _is_ours(host: Host, process: Process) -> bool:
    """Whether the doctor runs in the same container: what it sees is what is there."""
    own, its = (_link(host, f"/proc/{pid}/ns/mnt") for pid in ("self", process.pid))
    return own != "" and own == its


def _engine_and_id(process: Process) -> tuple[str, str] | None:
    for shape, kind in _SHAPES:
        found = shape.search(process.cgroup)
        if found:
            return kind, found[1]
    return None
