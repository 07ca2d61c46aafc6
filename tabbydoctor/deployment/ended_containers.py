"""Containers of TabbyAPI that do not run, as Docker and Podman wrote them down."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.deployment.container import Container, Ending, EngineAnswer, Mount
from tabbydoctor.deployment.engine_answers import EngineSocket, inspected_ended
from tabbydoctor.deployment.engine_records import DOCKER, described
from tabbydoctor.deployment.json_record import mapping, record_of, value
from tabbydoctor.deployment.parts import ProcessTable
from tabbydoctor.documents import Unreadable, json_of, seconds, whole_number
from tabbydoctor.host import Account, Host
from tabbydoctor.records import replace

_PODMAN = "/var/lib/containers/storage"
_ROOTLESS = ".local/share/containers/storage"
"""Below the home of an account (containers-storage.conf(5))."""
_MOST = 200
"""Containers that are looked at."""
_TABBY = re.compile(r"(?i)tabby[-_]?api")
_TOKENS = "/api_tokens.yml"
_VARIABLE = re.compile(r"TABBY_(?:NETWORK|LOGGING|MODEL|DRAFT_MODEL|SAMPLING|DEVELOPER|LORA)_")
"""Another program, of TabbyML, has variables of the same beginning."""
_APP = "/app"
"""The working directory of the project's image."""


def ended_containers(host: Host, table: ProcessTable | None = None) -> tuple[Container, ...]:
    """Those that have ended, the system's before those of accounts, the last one first; where the
    records may not be read, those that an engine answers that runs; else none."""
    found = [*_of_docker(host), *_of_podman(host)]
    for account in _with_engines(host):
        found += _of_podman(host, account)
    answers = inspected_ended(host, table) if table and not found else ()
    found += [one for place, record in answers if (one := _answered(place, record)) is not None]
    found.sort(
        key=lambda one: (not one.owner, one.ended.started if one.ended else 0.0, one.name),
        reverse=True,
    )
    return tuple(found)


def _with_engines(host: Host) -> Iterator[Account]:
    """The accounts that have containers of their own and that the doctor may look for: root for
    all of them, another for itself."""
    own, seen = host.effective_uid(), 0
    for account in host.accounts():
        mine = account.uid != 0 and own in (0, account.uid) and len(account.home.strip("/")) > 0
        if mine and seen < _MOST and _is_there(host, f"{account.home}/{_ROOTLESS}"):
            seen += 1
            yield account


def _is_there(host: Host, path: str) -> bool:
    try:
        return host.status(path).is_directory
    except (OSError, ValueError):
        return False


# -- Docker ------------------------------------------------------------------------------------


def _of_docker(host: Host) -> Iterator[Container]:
    home = f"{DOCKER}/containers"
    for id in _names(host, home):
        record = record_of(host, f"{home}/{id}/config.v2.json")
        if _has_ended(record):
            wanted = record_of(host, f"{home}/{id}/hostconfig.json")
            yield _described(Container("docker", id, 0, ""), record, wanted, f"{home}/{id}")


def _answered(place: EngineSocket, record: Mapping[str, Any]) -> Container | None:
    """One that an engine described, in the shape of Docker's record."""
    if not _has_ended(record):
        return None
    box = Container(place.engine, str(record["Id"]), 0, "", owner=place.owner)
    box = _described(box, record, mapping(record, "HostConfig"))
    return replace(box, answer=EngineAnswer(place.by, tabbyapi=True, closed=True))


def _has_ended(record: Mapping[str, Any]) -> bool:
    state = mapping(record, "State")
    running = value(state, "Running") and not value(state, "Restarting")
    return bool(state) and not running and is_tabbyapi(record)


def _described(
    box: Container, record: Mapping[str, Any], wanted: Mapping[str, Any], home: str = ""
) -> Container:
    config, state = mapping(record, "Config"), mapping(record, "State")
    mounts = tuple(mounts_told(mapping(record, "MountPoints")))
    box = replace(box, directory=str(value(config, "WorkingDir") or _APP), mounts=mounts)
    box = described(box, record, config, wanted, home)
    network = str(value(wanted, "NetworkMode"))
    return replace(box, own_network=network != "host", ended=_ending(record, state))


def is_tabbyapi(record: Mapping[str, Any]) -> bool:
    """Whether a record is of TabbyAPI: by image, name, compose service, files or variables."""
    config = mapping(record, "Config")
    service = mapping(config, "Labels").get("com.docker.compose.service", "")
    if _TABBY.search(f"{value(config, 'Image')} {value(record, 'Name')} {service}"):
        return True
    return bool(tabby_environment(value(config, "Env"))) or any(
        str(one).endswith(_TOKENS) for one in mapping(record, "MountPoints")
    )


def mounts_told(points: Mapping[str, Any]) -> Iterator[Mount]:
    """The mounts of a record; nearest to the root first, as those of one that runs."""
    for inside in sorted(points, key=lambda one: one.count("/")):
        point = points[inside]
        source = str(value(point, "Source")) if isinstance(point, dict) else ""
        yield Mount(posixpath.normpath(inside), source if source.startswith("/") else "")


def _ending(record: Mapping[str, Any], state: Mapping[str, Any]) -> Ending:
    code, restarts = value(state, "ExitCode"), value(record, "RestartCount")
    return Ending(
        code=code if isinstance(code, int) else None,
        out_of_memory=value(state, "OOMKilled") is True,
        error=str(value(state, "Error")),
        started=max(seconds(str(value(state, "StartedAt"))) or 0.0, 0.0),
        stopped=value(record, "HasBeenManuallyStopped") is True,
        restarts=restarts if isinstance(restarts, int) else 0,
        again=value(state, "Restarting") is True,
        argv=_words((value(record, "Path"), *(value(record, "Args") or ()))),
        environment=tabby_environment(value(mapping(record, "Config"), "Env")),
        uid=_uid(str(value(mapping(record, "Config"), "User"))),
    )


def _uid(user: str) -> int | None:
    """Of `USER` or `USER:GROUP`; without one it is root (docker-run(1))."""
    name = user.partition(":")[0]
    return 0 if name in ("", "root") else whole_number(name)


def _words(given: Any) -> tuple[str, ...]:
    return tuple(map(str, given)) if isinstance(given, list | tuple) else ()


def tabby_environment(given: Any) -> dict[str, str]:
    """What of a list of `NAME=value` is TabbyAPI's."""
    pairs = (one.partition("=") for one in _words(given))
    return {name: text for name, _, text in pairs if _VARIABLE.match(name)}


# -- Podman ------------------------------------------------------------------------------------


def _of_podman(host: Host, owner: Account | None = None) -> Iterator[Container]:
    """By the runtime's description that is left of the last run; its status Podman keeps in a
    database of its own. What an account's engine wrote is that account's word, read as it."""
    eyes = host.seen_by(owner)
    storage = f"{owner.home}/{_ROOTLESS}" if owner else _PODMAN
    run = f"/run/user/{owner.uid}" if owner else "/run"
    for driver in ("overlay", "vfs", "btrfs"):
        home = f"{storage}/{driver}-containers"
        called = _called(eyes, f"{home}/containers.json")
        for id in _names(eyes, home):
            spec = record_of(eyes, f"{home}/{id}/userdata/config.json")
            name = called.get(id, "")
            if spec and not _runs(host, run, id) and _spec_is_tabbyapi(spec, name):
                box = _from_spec(eyes, id, spec, f"{home}/{id}/userdata")
                yield _of_owner(host, replace(box, name=name), owner)


def _of_owner(host: Host, box: Container, owner: Account | None) -> Container:
    """With an account's own files alone among its mounts: no command is led to another's."""
    if owner is None:
        return box
    mounts = (
        one if _owns(host, owner, one.outside) else replace(one, outside="")
        for one in box.mounts or ()
    )
    return replace(box, owner=owner, mounts=tuple(mounts))


def _owns(host: Host, owner: Account, path: str) -> bool:
    try:
        return host.status(path, follow=False).uid == owner.uid
    except (OSError, ValueError):
        return False


def _runs(host: Host, run: str, id: str) -> bool:
    """crun and runc keep a directory of each container that runs."""
    return any(_is_there(host, f"{run}/{place}/{id}") for place in ("crun", "runc", "libpod"))


def _spec_is_tabbyapi(spec: Mapping[str, Any], name: str) -> bool:
    process, notes = mapping(spec, "process"), mapping(spec, "annotations")
    named = " ".join(map(str, (name, *notes.values())))
    given = bool(tabby_environment(value(process, "env")))
    mounts = value(spec, "mounts") or ()
    inside = [str(value(one, "destination")) for one in mounts if isinstance(one, dict)]
    return given or bool(_TABBY.search(named)) or any(one.endswith(_TOKENS) for one in inside)


def _from_spec(host: Host, id: str, spec: Mapping[str, Any], home: str) -> Container:
    process, notes = mapping(spec, "process"), mapping(spec, "annotations")
    binds = {
        str(value(one, "destination")): {"Source": value(one, "source")}
        for one in value(spec, "mounts") or ()
        if isinstance(one, dict) and value(one, "type") == "bind"
    }
    nodes = str(value(mapping(spec, "linux"), "devices"))
    return Container(
        "podman", id, 0, str(value(process, "cwd") or _APP),
        mounts=tuple(mounts_told(binds)), log=f"{home}/ctr.log", to_journal=True,
        gpu="nvidia" in nodes, ended=Ending(
            argv=_words(value(process, "args")),
            environment=tabby_environment(value(process, "env")),
            uid=_uid(str(value(mapping(process, "user"), "uid"))),
            started=_modified(host, f"{home}/config.json"),
        ), labels={str(key): str(text) for key, text in notes.items()},
    )  # fmt: skip


def _modified(host: Host, path: str) -> float:
    """When the description was written: as its last run began."""
    try:
        return host.status(path).modified
    except OSError:
        return 0.0


def _called(host: Host, path: str) -> dict[str, str]:
    """The names of containers by their ids, as Podman's storage lists them."""
    try:
        rows = json_of(host.read(path).data)
    except (OSError, Unreadable):
        return {}
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return {str(value(row, "id")): (*_words(value(row, "names")), "")[0] for row in rows}


def _names(host: Host, directory: str) -> tuple[str, ...]:
    try:
        names = host.names(directory)
    except OSError:
        return ()
    return tuple(name for name in names if re.fullmatch(r"[0-9a-f]{64}", name))[:_MOST]
