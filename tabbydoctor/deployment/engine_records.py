"""What a container's engine wrote down of it: Docker's records, and conmon's arguments for Podman.

Read only, and as root: no engine is asked, nothing of it is started.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from itertools import pairwise
from typing import Any

from tabbydoctor.deployment.container import Container, Publication, engine_and_id
from tabbydoctor.deployment.json_record import mapping, record_of, value
from tabbydoctor.deployment.parts import ProcessTable
from tabbydoctor.documents import seconds, whole_number
from tabbydoctor.host import Account, Host, Process
from tabbydoctor.records import replace

DOCKER = "/var/lib/docker"
_OWN_FILES = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
"""Docker mounts these into a container, from its own directory of it."""
_GPU_VARIABLES = ("NVIDIA_VISIBLE_DEVICES",)


def with_records(host: Host, box: Container, table: ProcessTable) -> Container:
    """The container with what its engine's records tell."""
    if box.engine == "docker":
        return _of_docker(host, box)
    if box.engine == "podman":
        return _of_podman(host, box, table)
    return box


# -- Docker ------------------------------------------------------------------------------------


def _of_docker(host: Host, box: Container) -> Container:
    home = _docker_home(box)
    box, theirs = _of_whom(host, box, f"{home}/config.v2.json")
    config = record_of(host, f"{home}/config.v2.json") if theirs else {}
    if not config:
        return box
    given, wanted = mapping(config, "Config"), record_of(host, f"{home}/hostconfig.json")
    return described(box, config, given, wanted, home)


def described(
    box: Container,
    record: Mapping[str, Any],
    config: Mapping[str, Any],
    wanted: Mapping[str, Any],
    home: str = "",
    by: str = "the engine's record",
) -> Container:
    """The container by the parts of Docker's own description, on disk or as `inspect` has it."""
    ports = mapping(mapping(record, "NetworkSettings"), "Ports") or mapping(wanted, "PortBindings")
    others = str(value(wanted, "NetworkMode")).startswith(("container:", "ns:"))
    log = value(mapping(wanted, "LogConfig"), "Type")
    labels = {str(key): str(text) for key, text in mapping(config, "Labels").items()}
    return replace(
        box,
        name=str(value(record, "Name")).lstrip("/"),
        labels=labels,
        image=str(value(config, "Image")),
        published=tuple(_bindings(ports, by)),
        published_known=not others,  # what leads to another's network is published there
        log=f"{home}/{box.id}-json.log" if log in ("json-file", "") and home else "",
        to_journal=log == "journald",
        gpu=_asks_for_gpu(wanted, config),
        created=seconds(str(value(record, "Created"))) or 0.0,
        health_test=_health_test(config),
        health=str(value(mapping(mapping(record, "State"), "Health"), "Status") or ""),
    )


def _of_whom(host: Host, box: Container, record: str) -> tuple[Container, bool]:
    """The container with its engine's account, and whether the record is of that engine.

    Whoever could have written the record has the engine: none of his is the system's.
    """
    try:
        shaper = host.way(record).shaper
    except OSError:
        return box, False
    if shaper is None or shaper.uid is None:
        return box, shaper is None and box.owner is None
    if box.owner is not None:
        return box, shaper.uid == box.owner.uid
    uid = shaper.uid
    return replace(box, owner=host.account(uid) or Account(f"#{uid}", uid, uid)), True


def _docker_home(box: Container) -> str:
    """The engine's directory of the container, by the files that it mounts from there."""
    for inside in _OWN_FILES:
        outside = next((one.outside for one in box.mounts or () if one.inside == inside), "")
        if f"/{box.id}/" in outside:
            return posixpath.dirname(outside)
    return f"{DOCKER}/containers/{box.id}"


def _bindings(ports: Mapping[str, Any], by: str) -> Iterator[Publication]:
    for inner, places in ports.items():
        number, _, protocol = str(inner).partition("/")
        for place in places if isinstance(places, list) else ():
            port = whole_number(str(value(place, "HostPort"))) if isinstance(place, dict) else None
            if protocol in ("tcp", "") and port is not None:
                address = _address(value(place, "HostIp"))
                yield Publication(address, port, whole_number(number), by)


def _address(given: Any) -> str:
    """What is no address is taken for all of them: nothing is safer by that."""
    try:
        return str(ip_address(str(given)))
    except ValueError:
        return "0.0.0.0"


def _health_test(config: Mapping[str, Any]) -> tuple[str, ...]:
    test = value(mapping(config, "Healthcheck"), "Test")
    return tuple(map(str, test)) if isinstance(test, list) and test != ["NONE"] else ()


def _asks_for_gpu(wanted: Mapping[str, Any], config: Mapping[str, Any]) -> bool | None:
    if not wanted:
        return None
    requests = value(wanted, "DeviceRequests") or []
    devices = value(wanted, "Devices") or []
    named = "nvidia" in str(requests) + str(devices) or "gpu" in str(requests)
    variables = value(config, "Env") or []
    by_runtime = value(wanted, "Runtime") == "nvidia" and any(
        str(one).startswith(name) for one in variables for name in _GPU_VARIABLES
    )
    return bool(named or by_runtime or value(wanted, "Privileged"))


# -- Podman ------------------------------------------------------------------------------------


def _of_podman(host: Host, box: Container, table: ProcessTable) -> Container:
    """conmon stands over each container, and is called with its name, its directory, its log."""
    line, process = _above(table, box.pid), table.process(box.pid)
    uid = box.owner.uid if box.owner else 0
    uids = (uid, process.uid if process else uid)
    monitor = next((one for one in table.processes if _is_monitor(one, box, line, uids)), None)
    if monitor is None:
        return box
    given = dict(pairwise(monitor.argv))
    owner = host.account(monitor.uid) if monitor.uid else None
    if monitor.uid and owner is None:
        owner = Account(f"#{monitor.uid}", monitor.uid, monitor.uid)
    host = host.seen_by(owner)  # its arguments are that account's word
    log = given.get("-l") or given.get("--log-path") or ""
    kind, colon, path = log.partition(":")
    spec = record_of(host, f"{given.get('-b', '')}/config.json")
    notes = mapping(spec, "annotations")
    nodes = str(value(mapping(spec, "linux"), "devices") or "")
    return replace(
        box,
        name=given.get("-n", ""),
        labels={str(key): str(text) for key, text in notes.items()},
        image=str(notes.get("org.opencontainers.image.base.name", "")),
        log=path if colon and kind == "k8s-file" else "",
        to_journal=kind == "journald",
        gpu="nvidia" in nodes if spec else None,
        owner=owner,
        unit=monitor.unit or box.unit,
        monitor=monitor.pid,
    )


def _above(table: ProcessTable, pid: int) -> list[int]:
    """The processes above one, the nearest first."""
    line: list[int] = []
    process = table.process(pid)
    while process and process.parent and process.parent not in line:
        line.append(process.parent)
        process = table.process(process.parent)
    return line


def _is_monitor(
    process: Process, box: Container, line: Sequence[int], uids: Sequence[int | None]
) -> bool:
    """conmon of that container: above it, its engine's, or of the account that the server runs as.
    Anybody may call a program of his so, root of another container too."""
    argv = process.argv
    named = bool(argv) and posixpath.basename(argv[0]) == "conmon" and box.id in argv
    inside = engine_and_id(process.cgroup)
    if not named or (inside is not None and inside[1] != box.id):
        return False
    return process.pid in line or process.uid in uids
