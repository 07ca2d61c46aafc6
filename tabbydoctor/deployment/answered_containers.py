"""A container that runs, with what its engine answers of it where its records may not be read.

What is seen from outside counts: an answer adds to it, and where the two differ that is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from tabbydoctor.deployment.container import Container, EngineAnswer, Mount
from tabbydoctor.deployment.container_mounts import mounts_of
from tabbydoctor.deployment.ended_containers import is_tabbyapi, mounts_told, tabby_environment
from tabbydoctor.deployment.engine_answers import inspected
from tabbydoctor.deployment.engine_records import described
from tabbydoctor.deployment.json_record import mapping, value
from tabbydoctor.deployment.parts import ProcessTable
from tabbydoctor.host import Host
from tabbydoctor.records import replace


def with_answer(host: Host, box: Container, table: ProcessTable) -> Container:
    """The container with what its engine answers; as it is where its records were read."""
    known = box.published_known or box.labels
    found = None if known else inspected(host, table, box.engine, box.id)
    if found is None:
        return box
    place, record = found
    if (place.owner and place.owner.uid) != (box.owner and box.owner.uid):
        return box  # an account makes control groups of any name below its own manager
    config, wanted = mapping(record, "Config"), mapping(record, "HostConfig")
    told = tuple(mounts_told(mapping(record, "MountPoints")))
    mounts, differences = _as_seen(host, box, told)
    if not value(mapping(record, "State"), "Running"):
        differences.append("it runs, and was said not to")
    answer = EngineAnswer(
        place.by,
        is_tabbyapi(record),
        tabby_environment(value(config, "Env")),
        _closed(host, box),
        box.mounts is None,
        tuple(differences),
    )
    directory = str(value(config, "WorkingDir") or "/")
    return replace(
        described(box, record, config, wanted, by=place.by),
        directory=directory if answer.closed and box.directory == "/" else box.directory,
        name=str(value(record, "Name")).lstrip("/") or box.name,
        mounts=mounts,
        own_network=_own_network(wanted),
        addresses=tuple(_addresses(record)),
        answer=answer,
    )


def with_differences(told: Container, seen: Container) -> Container:
    """The container as it is seen, and in what its engine's answer differs from that."""
    if told.answer is None:
        return seen
    found = [*told.answer.differences]
    if told.own_network is not None and seen.own_network is not told.own_network:
        found.append("its network is " + ("its own" if seen.own_network else "this machine's"))
    ports = {(one.address, one.port, one.inner) for one in told.published}
    found += [
        f"{one.shown} leads to it, by {one.seen}"
        for one in seen.published
        if one.inner is not None and (one.address, one.port, one.inner) not in ports
    ]
    return replace(seen, answer=replace(told.answer, differences=tuple(found)))


def _closed(host: Host, box: Container) -> bool:
    try:
        host.status(f"{box.root}/")
    except OSError:
        return True
    return False


def _as_seen(
    host: Host, box: Container, told: tuple[Mount, ...]
) -> tuple[tuple[Mount, ...], list[str]]:
    """The mounts that are seen, by the names that are told, and where the two differ."""
    if box.mounts is None:
        return told, []
    names = {one.inside: one.outside for one in told if one.outside}
    seen = {one.inside: one.outside for one in mounts_of(host, box.pid) or ()}
    wrong = {one for one in names if one not in seen or _others(host, seen[one], names[one])}
    mounts = tuple(
        one
        if one.outside or one.inside in wrong
        else replace(one, outside=names.get(one.inside, ""))
        for one in box.mounts
    )
    return mounts, [f"{names[one]} is not what is mounted at {one}" for one in sorted(wrong)]


def _others(host: Host, seen: str, told: str) -> bool:
    """Whether two paths lead to different things; not where one may not be looked at."""
    try:
        return bool(seen) and host.status(seen).identity != host.status(told).identity
    except OSError:
        return False


def _own_network(wanted: Mapping[str, Any]) -> bool | None:
    """By its `NetworkMode`; None where that is another container's."""
    mode = str(value(wanted, "NetworkMode"))
    return None if not mode or mode.startswith(("container:", "ns:")) else mode != "host"


def _addresses(record: Mapping[str, Any]) -> Iterator[str]:
    networks = mapping(mapping(record, "NetworkSettings"), "Networks")
    for one in networks.values():
        try:
            yield str(ip_address(str(value(one, "IPAddress") if isinstance(one, dict) else "")))
        except ValueError:
            continue
