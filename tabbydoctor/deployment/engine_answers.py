"""What a container's engine answers at its socket, where what it wrote down may not be read.

Asked is only an engine that runs already: connecting would have systemd start it. Podman's of the
system is not asked by root, to whom its files tell all, and no account's by another account.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tabbydoctor import redaction
from tabbydoctor.deployment.container import engine_and_id
from tabbydoctor.deployment.json_record import mapping, value
from tabbydoctor.deployment.parts import ProcessTable
from tabbydoctor.documents import Unreadable, json_of
from tabbydoctor.host import Account, Host, HttpAnswer, Process
from tabbydoctor.records import dataclass

_MOST = 200
"""Containers that are asked about."""
_ID = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"/?[a-zA-Z0-9][\w.-]{0,200}", re.ASCII)


@dataclass(frozen=True, slots=True)
class EngineSocket:
    """An engine that answers."""

    engine: str
    path: str
    owner: Account | None = None
    """Whose engine it is, of a rootless one."""

    @property
    def by(self) -> str:
        """Whose word it is, for messages."""
        return f"{self.engine}'s answer at {self.path}"


def engine_sockets(host: Host, table: ProcessTable) -> Iterator[EngineSocket]:
    """Those that may be asked."""
    uid = host.effective_uid()
    if any(_is_dockerd(one) for one in table.processes):
        yield EngineSocket("docker", "/run/docker.sock")
    if uid == 0:
        return
    services = [one for one in table.processes if _is_podman(one)]
    if any(one.uid == 0 for one in services):
        yield EngineSocket("podman", "/run/podman/podman.sock")
    own = host.environment().get("XDG_RUNTIME_DIR", "")
    if own.startswith("/") and any(one.uid == uid for one in services):
        owner = host.account(uid) or Account(f"#{uid}", uid, uid)
        yield EngineSocket("podman", f"{own}/podman/podman.sock", owner)


def _is_dockerd(process: Process) -> bool:
    """Root of another container may call a program so, too."""
    program = (process.argv[0] if process.argv else "").rsplit("/", 1)[-1]
    return process.uid == 0 and program == "dockerd" and engine_and_id(process.cgroup) is None


def _is_podman(process: Process) -> bool:
    """`podman system service`, as its unit runs it."""
    own = process.user_unit == (process.uid != 0) and engine_and_id(process.cgroup) is None
    return own and process.unit == "podman.service" and "service" in process.argv


def inspected(
    host: Host, table: ProcessTable, engine: str, id: str
) -> tuple[EngineSocket, dict[str, Any]] | None:
    """What an engine of that kind answers about a container; None where none does."""
    if not _ID.fullmatch(id):
        return None
    for place in engine_sockets(host, table):
        if place.engine == engine:
            record = _record(host.ask_engine(place.path, f"/containers/{id}/json"), id)
            if record:
                return place, record
    return None


def inspected_ended(
    host: Host, table: ProcessTable
) -> Iterator[tuple[EngineSocket, dict[str, Any]]]:
    """What the engines answer about each container that does not run."""
    for place in engine_sockets(host, table):
        rows = _read(host.ask_engine(place.path, "/containers/json?all=1"))
        found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        for id in [value(row, "Id") for row in found if value(row, "State") != "running"][:_MOST]:
            if not isinstance(id, str) or not _ID.fullmatch(id):
                continue
            if record := _record(host.ask_engine(place.path, f"/containers/{id}/json"), id):
                yield place, record


def _record(answer: HttpAnswer, id: str) -> dict[str, Any]:
    """A description, in the shape of what Docker writes down; empty where it is not of that one."""
    found = _read(answer)
    if not isinstance(found, dict) or found.get("Id") != id:
        return {}
    name = found.get("Name")
    variables = value(mapping(found, "Config"), "Env")
    for one in variables if isinstance(variables, list) else ():
        variable, _, text = str(one).partition("=")
        redaction.remember_named(variable, text)
    mounts = value(found, "Mounts")
    points = {
        one["Destination"]: {"Source": value(one, "Source")}
        for one in (mounts if isinstance(mounts, list) else ())
        if isinstance(one, dict) and str(value(one, "Destination")).startswith("/")
    }
    named = name if isinstance(name, str) and _NAME.fullmatch(name) else ""
    return {**found, "Name": named, "MountPoints": points}


def _read(answer: HttpAnswer) -> Any:
    if answer.status != 200 or answer.error or answer.truncated:
        return None
    try:
        return json_of(answer.body)
    except Unreadable:
        return None
