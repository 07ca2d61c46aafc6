"""What to do about a failed unit, by what it failed of."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator

from tabbydoctor.api import Remedy, Safety
from tabbydoctor.deployment.drop_ins import DropIn
from tabbydoctor.deployment.nixos import managed
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.nixos.service import option_lines
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.last_words import LastWords
from tabbydoctor.tabbyapi.lost_program import LostProgram

from ..drop_in import by_drop_in
from . import command
from .log_remedies import UPDATE, LoggedServer, update

_ANSWER = '{"gpu_lib": "cu12"}'
"""What start.py saves of the answer that it calls the usual one."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A unit that failed, and what is known of why."""

    unit: Unit
    what: str
    """systemd's words: `203/EXEC`, `exit status 127`."""
    words: LastWords | None = None
    lost: LostProgram | None = None
    instance: Instance | None = None
    machine: Machine | None = None
    backend: str = ""
    """The exllama in whose own files its traceback ends: exllamav2, exllamav3, or none."""


def remedies(one: Failure) -> Iterator[Remedy]:  # noqa: C901 - to be taken apart
    """The ways out, the likeliest first."""
    unit, kind = one.unit, one.words.kind if one.words else ""
    nixos = managed(one.machine, unit)
    if unit.flag("NeedDaemonReload"):
        title = "Reload systemd, which still runs the old unit, and start it"
        yield Remedy(title, Safety.UNSAFE, unit.restart)
    if nixos and (one.what in ("203/EXEC", "217/USER") or kind in ("program", "module", "port")):
        yield _in_nix(one)
    elif unit.get("LoadState") == "masked":
        look, unmask = command(unit, "cat"), command(unit, "unmask")
        title = "Unmask it, see that its file is there, and start it"
        yield Remedy(title, Safety.MANUAL, (unmask, look, *unit.restart))
    elif one.lost:
        yield from _lost(one, one.lost)
    elif one.what == "203/EXEC":
        yield _other_program(one)
    elif one.what == "217/USER":
        look = f"getent passwd {shlex.quote(unit.user)}"
        title = "Make the account, or correct User=; then start the unit"
        yield Remedy(title, Safety.MANUAL, (look, command(unit, "edit --full"), *unit.restart))
    elif kind == "port":
        title = "Set network.port to 1024 or more, the router's address too; then start the unit"
        yield Remedy(title, Safety.MANUAL, unit.restart)
        title = "Or add AmbientCapabilities=CAP_NET_BIND_SERVICE below [Service]"
        yield Remedy(title, Safety.MANUAL, (command(unit, "edit"), *unit.restart))
    elif kind == "question":
        yield from _answered(one)
    elif kind in ("program", "module"):
        title = "Correct ExecStart=, then start the unit"
        yield Remedy(title, Safety.MANUAL, (command(unit, "edit --full"), *unit.restart))
    else:
        look = f"{unit.journalctl} -n 50"
        yield Remedy("Read its log, then start it again", Safety.MANUAL, (look, *unit.restart))
        if one.backend and one.instance and not nixos:
            yield _of_backend(one.backend, one.instance, unit)


def _of_backend(backend: str, instance: Instance, unit: Unit) -> Remedy:
    """Another release of it; TabbyAPI's newest has no exllamav2, so an update would end there."""
    where = "Where it names no setting of yours,"
    if backend == "exllamav2":
        title = (
            f"{where} install another release of exllamav2 that fits its torch; a TabbyAPI since "
            "2026-07-14 loads no exl2"
        )
        return Remedy(title, Safety.MANUAL, unit.restart)
    commands = (*update(LoggedServer(instance)), *unit.restart)
    return Remedy(f"{where} {UPDATE}", Safety.MANUAL, commands)


def _in_nix(one: Failure) -> Remedy:
    if one.words and one.words.kind == "port":
        lines = option_lines(one.unit, [("AmbientCapabilities", "CAP_NET_BIND_SERVICE")])
        return by_rebuild("Set network.port to 1024 or more, or allow a lower one", *lines)
    setting = {"203/EXEC": "ExecStart=", "217/USER": "User="}.get(one.what, "the unit's arguments")
    return by_rebuild(f"Correct {setting}", then=one.unit.restart)


def _lost(one: Failure, lost: LostProgram) -> Iterator[Remedy]:
    unit, name = one.unit, shlex.quote(lost.name)
    if lost.places:
        yield from _found(one, lost)
    elif lost.barrier == lost.name:
        title = f"Make {lost.name} executable, and start the unit"
        yield Remedy(title, Safety.UNSAFE, (f"sudo chmod a+x {name}", *unit.restart))
    elif "\r" in lost.interpreter:
        title = f"Give {lost.name} the line ends of Linux, and start the unit"
        yield Remedy(title, Safety.UNSAFE, (f"sudo sed -i 's/\\r$//' {name}", *unit.restart))
    elif lost.interpreter or lost.no_script:
        title = f"Correct the first line of {lost.name} (#!/bin/bash, say), and start the unit"
        yield Remedy(title, Safety.MANUAL, (f"sudoedit {name}", *unit.restart))
    elif one.what == "203/EXEC" or lost.barrier:
        yield _other_program(one)
    else:
        account = shlex.quote(unit.user)
        title = "Find it as the account does; write its full path there, or set PATH in the unit"
        look = f"sudo -iu {account} sh -c 'command -v {shlex.quote(name)}'"
        yield Remedy(title, Safety.MANUAL, (look, command(unit, "edit"), *unit.restart))


def _other_program(one: Failure) -> Remedy:
    unit = one.unit
    program = shlex.quote((*unit.loaded_command, "/")[0])
    title = "Put the program back, or correct ExecStart=; then start the unit"
    return Remedy(
        title,
        Safety.MANUAL,
        (f"namei -l {program}", command(unit, "edit --full"), *unit.restart),
    )


def _found(one: Failure, lost: LostProgram) -> Iterator[Remedy]:
    """By its full path where the unit's own command names it; else by the unit's PATH."""
    unit, place = one.unit, lost.places[0]
    machine = one.machine or Machine(systemd=True)
    words = _named_directly(unit.command, lost.name, place)
    if words:
        settings = (("ExecStart", ""), ("ExecStart", shlex.join(words)))
        title = f"Write its full path, {place}, in ExecStart="
        yield by_drop_in(title, DropIn(unit, "program", settings), machine)
    if not lost.name.startswith("/"):
        directory = posixpath.dirname(place)
        path = (("Environment", f"PATH={directory}:{lost.search_path}"),)
        title = f"{'Or put' if words else 'Put'} {directory} in the unit's PATH"
        yield by_drop_in(title, DropIn(unit, "path", path), machine)


def _named_directly(command: tuple[str, ...], name: str, place: str) -> tuple[str, ...]:
    """The command with the program by its path: `env uv run` becomes `/…/uv run`; () elsewhere."""
    if not command:
        return ()
    if command[0] == name:
        return (place, *command[1:])
    by_env = posixpath.basename(command[0]) == "env" and command[1:2] == (name,)
    return (place, *command[2:]) if by_env else ()


def _answered(one: Failure) -> Iterator[Remedy]:
    unit, instance = one.unit, one.instance
    directory = instance.main_directory if instance else unit.working_directory
    options = shlex.quote(posixpath.join(directory, "start_options.json"))
    script = shlex.quote(posixpath.join(directory, "start.sh"))
    yield Remedy(
        "Write the answer to start_options.json (cu13 for drivers from 580, else cu12), start it",
        Safety.UNSAFE,
        (f"printf '%s\\n' {shlex.quote(_ANSWER)} | sudo tee {options}", *unit.restart),
    )
    account = shlex.quote(unit.user)
    yield Remedy(
        "Or run start.sh once by hand and answer; stop it when it serves, and start the unit",
        Safety.MANUAL,
        (f"sudo -H -u {account} {script}", *unit.restart),
    )
