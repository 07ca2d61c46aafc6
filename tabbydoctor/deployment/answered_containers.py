"""A container that runs, with what its engine answers of it where its records may not be read.

What is seen from outside counts: an answer adds to it, and where the two differ that is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from tabbydoctor.deployment.container import Container, EngineAnswer, Mount
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
    answer = EngineAnswer(
        place.by, is_tabbyapi(record), tabby_environment(value(config, "Env")), _closed(host, box),
        () if value(mapping(record, "State"), "Running") else ("it runs, and was said not to",),
    )  # fmt: skip
    mounts = tuple(mounts_told(mapping(record, "MountPoints")))
    directory = str(value(config, "WorkingDir") or "/")
    return replace(
        described(box, record, config, wanted, by=place.by),
        directory=directory if answer.closed and box.directory == "/" else box.directory,
        name=str(value(record, "Name")).lstrip("/") or box.name,
        mounts=_named(box.mounts, mounts),
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


def _named(seen: tuple[Mount, ...] | None, told: tuple[Mount, ...]) -> tuple[Mount, ...]:
    """The mounts that are seen, and what is told of where they are of; what is not seen is not."""
    if seen is None:
        return told
    names = {one.inside: one.outside for one in told}
    return tuple(
        one if one.outside else replace(one, outside=names.get(one.inside, "")) for one in seen
    )


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
