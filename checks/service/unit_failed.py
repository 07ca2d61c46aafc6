"""TabbyAPI's unit has failed.

## What it checks
systemd's `Result=` and the exit status of the main process, with what its log says of the end;
and whether the unit is masked, so that nothing can start it.

## Why it matters
TabbyAPI is down.

## How it is told
Statuses from 200 on are systemd's own: the program was never run. 1 is TabbyAPI refusing a
value, its tokens file or the model; 2 an unknown argument; 3 an address that is not this
machine's. Where the log is more exact (`can't open file`, a port below 1024), it counts.

## What to do
Follow the cause that is named beside it; if there is none, read the last lines of the log.
Then start the unit again. A masked unit is unmasked first: its file must then be there.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from tabbydoctor.api import DOWN, Absent, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.exit_status import LOAD_STATES, decoded, never_ran
from tabbydoctor.deployment.nixos import managed
from tabbydoctor.deployment.parts import Discovery, Machine
from tabbydoctor.deployment.program import ServerProgram
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.nixos.service import option_lines
from tabbydoctor.redaction import redact
from tabbydoctor.tabbyapi.last_words import LastWords, last_words
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.log_text import message

from . import STOPS_THE_START, command, shown, unit_of

_LAST_LINES = 4
_LENGTH = 300
_MANAGER = ("Started ", "Starting ", "Stopped ", "Stopping ", "Failed to start ", "Scheduled ")
_NOT_RUN = re.compile(r"Failed (?:at step|to (?!start )\w+)|Unable to locate")
"""How systemd says why it could not run the program."""


@check(
    "SVC002",
    "unit-failed",
    category="service",
    severity=Severity.ERROR,
    caused_by=(*STOPS_THE_START, "SVC011"),
    tags=(DOWN,),
)
def unit_failed(
    discovery: Discovery,
    log: RunLog | None,
    program: ServerProgram | None,
    machine: Machine | None = None,
) -> Iterator[Finding]:
    unit = _unit(discovery)
    if not _failed(unit):
        return
    ended = log if log and not log.present else None
    words = last_words(ended.lines) if ended and not never_ran(unit) else None
    what, meaning = decoded(unit)
    if words:
        meaning = words.meaning
    elif what == "203/EXEC" and program and not program.executable_exists:
        meaning = f"{unit.command[0]} of ExecStart= is not there"
    seen = Evidence(
        shown(unit, "LoadState", "ActiveState", "Result", "ExecMainStatus"),
        "loaded, active, success",
        ", ".join(dict.fromkeys((unit.get("LoadState"), unit.get("ActiveState"), what))),
    )
    told = _told(ended, unit, words) if ended else []
    masked = unit.get("LoadState") == "masked"
    yield Finding(
        f"{unit.name} is masked" if masked else f"{unit.name} failed: {what}",
        f"{meaning[0].upper()}{meaning[1:]}.",
        (seen, *(Evidence(ended.source, actual=text) for text in told if ended)),
        tuple(_remedies(unit, what, words, managed(machine, unit))),
        severity=Severity.WARNING if unit.active else None,
    )


def _unit(discovery: Discovery) -> Unit:
    if discovery.instance is not None:
        return unit_of(discovery.instance)
    if discovery.unloadable is None:
        raise Absent("no TabbyAPI was found on this machine")
    return discovery.unloadable


def _told(log: RunLog, unit: Unit, words: LastWords | None) -> list[str]:
    """What the log says of the end, redacted: the line that says why, else the last few."""
    if words:
        texts = [words.line.text]
    elif never_ran(unit):
        texts = [line.text for line in log.lines if _NOT_RUN.search(line.text)][-1:]
    else:
        noise = (*_MANAGER, f"{unit.name}: ")
        texts = [line.text for line in log.lines if not line.text.startswith(noise)]
    return [redact(message(text))[:_LENGTH] for text in texts[-_LAST_LINES:]]


def _remedies(unit: Unit, what: str, words: LastWords | None, nixos: bool) -> Iterator[Remedy]:
    edit = command(unit, "edit --full")
    program = shlex.quote((*unit.command, "/")[0])
    if nixos and (what in ("203/EXEC", "217/USER") or words):
        yield _in_nix(unit, what, words)
    elif unit.get("LoadState") == "masked":
        look, *start = command(unit, "cat"), *unit.restart
        unmask = command(unit, "unmask")
        title = "Unmask it, see that its file is there, and start it"
        yield Remedy(title, Safety.MANUAL, (unmask, look, *start))
    elif what == "203/EXEC":
        title = "Put the program back, or correct ExecStart=; then start the unit"
        yield Remedy(title, Safety.MANUAL, (f"namei -l {program}", edit, *unit.restart))
    elif what == "217/USER":
        look = f"getent passwd {shlex.quote(unit.user)}"
        title = "Make the account, or correct User=; then start the unit"
        yield Remedy(title, Safety.MANUAL, (look, edit, *unit.restart))
    elif words and words.kind == "port":
        title = "Set network.port to 1024 or more, the router's address too; then start the unit"
        yield Remedy(title, Safety.MANUAL, unit.restart)
        title = "Or add AmbientCapabilities=CAP_NET_BIND_SERVICE below [Service]"
        yield Remedy(title, Safety.MANUAL, (command(unit, "edit"), *unit.restart))
    elif words:
        title = "Correct ExecStart=, then start the unit"
        yield Remedy(title, Safety.MANUAL, (edit, *unit.restart))
    else:
        look = f"{unit.journalctl} -n 50"
        yield Remedy("Read its log, then start it again", Safety.MANUAL, (look, *unit.restart))


def _in_nix(unit: Unit, what: str, words: LastWords | None) -> Remedy:
    if words and words.kind == "port":
        lines = option_lines(unit, [("AmbientCapabilities", "CAP_NET_BIND_SERVICE")])
        return by_rebuild("Set network.port to 1024 or more, or allow a lower one", *lines)
    setting = {"203/EXEC": "ExecStart=", "217/USER": "User="}.get(what, "the unit's arguments")
    return by_rebuild(f"Correct {setting}", then=unit.restart)


def _failed(unit: Unit) -> bool:
    if unit.get("LoadState") in LOAD_STATES:
        return True
    restarting = unit.get("SubState") == "auto-restart"
    return unit.get("ActiveState") == "failed" or (
        restarting and unit.get("Result") not in ("", "success")
    )
