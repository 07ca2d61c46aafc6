"""Containers seen from outside: which one a process belongs to (cgroups(7)), and what it is."""

from __future__ import annotations

import posixpath
import re

from tabbydoctor.deployment.answered_containers import with_answer, with_differences
from tabbydoctor.deployment.container import Container, engine_and_id
from tabbydoctor.deployment.container_mounts import mounts_of
from tabbydoctor.deployment.container_network import network_of, published_ports
from tabbydoctor.deployment.container_rules import published_by_rules
from tabbydoctor.deployment.engine_records import with_records
from tabbydoctor.deployment.parts import ProcessTable
from tabbydoctor.host import Account, Host, Process
from tabbydoctor.records import replace

_OF_ACCOUNT = re.compile(r"/user@(\d+)\.service/")


def container_of(process: Process) -> str | None:
    """`docker 1a2b3c4d5e6f`, or None for a process of the host."""
    found = engine_and_id(process.cgroup)
    return f"{found[0]} {found[1][:12]}" if found else None


def container(host: Host, process: Process, table: ProcessTable) -> Container | None:
    """What can be seen of the container that a process is in; None for a process of the host.

    Root sees its mounts, sockets and engine's records; another account what these let it.
    """
    found = engine_and_id(process.cgroup)
    if found is None or _is_ours(host, process):
        return None
    engine, id = found
    directory = posixpath.normpath(process.cwd or "/")
    owner = _owner(host, process)
    box = Container(engine, id, process.pid, directory, unit=process.unit or "", owner=owner)
    box = replace(box, mounts=mounts_of(host, process.pid, _makers(host, process, table)))
    told = with_answer(host, with_records(host, box, table), table)
    seen = published_ports(network_of(host, told, table), table)
    return published_by_rules(host, with_differences(told, seen))


def _owner(host: Host, process: Process) -> Account | None:
    """Whose manager its control group is in: below that an account makes groups of any name."""
    found = _OF_ACCOUNT.search(process.cgroup)
    if found is None:
        return None
    uid = int(found[1])
    return host.account(uid) or Account(f"#{uid}", uid, uid)


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
