"""TabbyAPI's unit has failed.

## What it checks
systemd's `Result=` and the exit status of the main process, with what its log says of the end;
and whether the unit is masked, so that nothing can start it.

## Why it matters
TabbyAPI is down.

## How it is told
Statuses from 200 on are systemd's own: the program was never run, and no GPU is to blame. 127 is
a program that is not in the unit's PATH, 126 one that cannot be run: it is looked for where
accounts keep theirs. 1 is TabbyAPI refusing a value, its tokens file or the model; 2 an unknown
argument; 3 an address that is not this machine's. Where the log is more exact (`can't open file`,
a port below 1024, start.sh that asks a question), it counts. A traceback that ends in exllama's
own files is more often its fault, mended in another version, than the configuration's.

## What to do
Follow the cause that is named beside it; if there is none, read the last lines of the log.
Then start the unit again; where its files changed since systemd read them, reload systemd first.
A masked unit is unmasked first: its file must then be there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabbydoctor.api import DOWN, Absent, Evidence, Finding, Severity, check
from tabbydoctor.deployment.exit_status import LOAD_STATES, decoded, never_ran, setting_up
from tabbydoctor.deployment.parts import Discovery, Machine
from tabbydoctor.deployment.program import ServerProgram
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.redaction import redact
from tabbydoctor.tabbyapi.last_words import LastWords, last_words
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.log_text import level, message
from tabbydoctor.tabbyapi.lost_program import LostProgram

from . import STOPS_THE_START, shown, unit_of
from .failed_remedies import Failure, remedies

_LAST_LINES = 4
_LENGTH = 300
_MANAGER = ("Started ", "Starting ", "Stopped ", "Stopping ", "Failed to start ", "Scheduled ")
_NOT_RUN = re.compile(r"Failed (?:at step|to (?!start )\w+)|Unable to locate")
"""How systemd says why it could not run the program."""
_FRAME = re.compile(r'^\s*File "(?P<path>[^"\n]{1,1024})", line \d')
_BACKEND = re.compile(r"/site-packages/(?P<name>exllamav\d)/")
"""Where a traceback ends that is rather exllama's fault than the configuration's."""
_BAD = re.compile(r"(?i)error|exception|fail|denied|not found|no such|cannot|can't|unable|killed")
_HEALTHY_LEVELS = ("TRACE", "DEBUG", "INFO", "SUCCESS")
_SYSTEMDS_CAUSES = ("SVC007", "SVC009", "SVC012")
"""What else is seen of a unit that systemd could not set up: never TabbyAPI's files or the GPU."""
_NOTHING_ELSE = ("question", "lost", "unrunnable", "update")


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
    lost: LostProgram | None = None,
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
        meaning = f"{unit.loaded_command[0]} of ExecStart= is not there"
    if lost:
        meaning = _of_lost(lost, unit, meaning)
    told = _told(ended, unit, words) if ended else []
    backend = _backend(ended) if ended else ""
    masked = unit.get("LoadState") == "masked"
    yield Finding(
        f"{unit.name} is masked" if masked else f"{unit.name} failed: {what}",
        f"{meaning[0].upper()}{meaning[1:]}.",
        (*_seen(unit, what), *(Evidence(ended.source, actual=text) for text in told if ended)),
        tuple(remedies(Failure(unit, what, words, lost, discovery.instance, machine, backend))),
        severity=Severity.WARNING if unit.active else None,
        caused_by=_causes(unit, words, lost),
    )


def _backend(log: RunLog) -> str:
    """The exllama in whose files the last traceback ends; empty where it ends elsewhere."""
    frames = [found for line in log.lines if (found := _FRAME.match(message(line.text)))]
    found = _BACKEND.search(frames[-1]["path"]) if frames else None
    return found["name"] if found else ""


def _unit(discovery: Discovery) -> Unit:
    if discovery.instance is not None:
        return unit_of(discovery.instance)
    if discovery.unloadable is None:
        raise Absent("no TabbyAPI was found on this machine")
    return discovery.unloadable


def _seen(unit: Unit, what: str) -> Iterator[Evidence]:
    yield Evidence(
        shown(unit, "LoadState", "ActiveState", "Result", "ExecMainStatus"),
        "loaded, active, success",
        ", ".join(dict.fromkeys((unit.get("LoadState"), unit.get("ActiveState"), what))),
    )
    if unit.flag("NeedDaemonReload"):
        yield Evidence(shown(unit, "NeedDaemonReload"), "no", "yes: its files changed since")


def _causes(
    unit: Unit, words: LastWords | None, lost: LostProgram | None
) -> tuple[str, ...] | None:
    """Those that can be, where it is known how far the start came; else all."""
    if setting_up(unit) or lost or (words and words.kind in _NOTHING_ELSE):
        return _SYSTEMDS_CAUSES
    return None


def _of_lost(lost: LostProgram, unit: Unit, meaning: str) -> str:
    """What is known of the program beside what the status or the log says."""
    if lost.places:
        searched = "" if lost.name.startswith("/") else f" ({lost.search_path})"
        return f"{meaning}{searched}; it is at {lost.places[0]}"
    if lost.barrier:
        what = "is not executable for it" if lost.barrier == lost.name else "is closed to it"
        return f"{unit.user} may not run {lost.name}: {lost.barrier} {what}"
    if "\r" in lost.interpreter:
        return f"{lost.name} has the line ends of Windows: its first line names no program"
    if lost.interpreter:
        return f"the first line of {lost.name} names {lost.interpreter}, which is not there"
    if lost.no_script:
        return f"{lost.name} has no first line that names its interpreter, such as #!/bin/bash"
    return meaning


def _told(log: RunLog, unit: Unit, words: LastWords | None) -> list[str]:
    """What the log says of the end, redacted: the line that says why, else the last few.

    What tells of a start that goes well is no evidence of its end.
    """
    if words:
        texts = [words.line.text]
    elif never_ran(unit):
        texts = [line.text for line in log.lines if _NOT_RUN.search(line.text)][-1:]
    else:
        noise = (*_MANAGER, f"{unit.name}: ")
        texts = [line.text for line in log.lines if not line.text.startswith(noise)]
        texts = [text for text in texts if level(text) not in _HEALTHY_LEVELS]
        texts = [text for text in texts if _BAD.search(text)] or texts
    return [redact(message(text))[:_LENGTH] for text in texts[-_LAST_LINES:]]


def _failed(unit: Unit) -> bool:
    if unit.get("LoadState") in LOAD_STATES:
        return True
    restarting = unit.get("SubState") == "auto-restart"
    return unit.get("ActiveState") == "failed" or (
        restarting and unit.get("Result") not in ("", "success")
    )
