"""TabbyAPI's container has ended, or its engine could not start it.

## What it checks
Where no TabbyAPI runs on this machine: the records of Docker and Podman of a container that ran
it.

## Why it matters
TabbyAPI is down.

## How it is told
By what the engine wrote down: the exit status, whether memory ran out, its own error where it
could not even start the program (no NVIDIA Container Toolkit, a port that is taken, a file mounted
over a directory). Podman keeps the status in a database: there it is not told. What the container
said last is its log, which SVC011 looks at.

## What to do
Mend what is named beside it or in the log, then start it. One that somebody stopped is a remark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabbydoctor.api import DOWN, Absent, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.container import Container, Ending
from tabbydoctor.deployment.exit_status import TABBY_STATUS
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.redaction import redact

from . import box_of, made_anew

_LENGTH = 300
_BY_SIGNAL = {
    132: "it was ended by an instruction that this CPU does not have",
    134: "it ended itself (abort)",
    135: "it crashed (bus error): shared memory may have run out, see `shm_size`",
    137: "it was killed: by `docker kill`, a stop that took too long, or the kernel for memory",
    139: "it crashed (segmentation fault)",
    143: "it was told to end",
}
_TOOLKIT = (
    "sudo nvidia-ctk runtime configure --runtime=docker",
    "sudo systemctl restart docker",
)
_CDI = ("sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml",)
_PORTS = ("sudo ss -ltnp",)
_ERRORS: tuple[tuple[re.Pattern[str], str, str, tuple[str, ...]], ...] = (
    (
        re.compile(r"could not select device driver|[Uu]nknown or invalid runtime name: nvidia"),
        "Docker does not know the NVIDIA Container Toolkit",
        "Install nvidia-container-toolkit, then make it known to Docker",
        _TOOLKIT,
    ),
    (
        re.compile(r"unresolvable CDI devices"),
        "the description of the GPUs (CDI) is missing, or older than the driver",
        "Make it anew",
        _CDI,
    ),
    (
        re.compile(r"(?i)driver/library version mismatch|nvml error|driver not loaded"),
        "the NVIDIA driver of this machine does not answer",
        "See that it answers here first",
        ("nvidia-smi",),
    ),
    (
        re.compile(r"port is already allocated|address already in use"),
        "its port is taken",
        "See who holds the port, free it, or publish another",
        _PORTS,
    ),
    (
        re.compile(r"(?i)not a directory|mount a directory onto a file"),
        "a file is mounted over a directory, or the other way round",
        "See what stands at the mounted paths",
        (),
    ),
    (
        re.compile(r"(?i)no such file or directory|executable file not found|permission denied"),
        "its program, or a path that it is given, is not there or closed",
        "",
        (),
    ),
)


@check(
    "CTR009",
    "container-ended",
    category="container",
    severity=Severity.ERROR,
    caused_by=("SVC011", "CTR001", "CFG001", "CFG005", "TOK002", "TOK003", "GPU001", "GPU002"),
    tags=(DOWN,),
)
def ended(instance: Instance) -> Iterator[Finding]:
    box = box_of(instance)
    ending = box.ended
    if ending is None:
        raise Absent(f"{box.label} runs")
    what, detail, cures = _unstarted(ending) if ending.error else _ended(ending, box)
    by_hand = ending.stopped and not ending.error
    yield Finding(
        f"{box.label} {what}",
        detail,
        (Evidence(_source(box), "running", redact(ending.error)[:_LENGTH] or _status(ending)),),
        (*cures, *_start(box, first=not cures)),
        severity=Severity.INFO if by_hand else None,
    )


def _unstarted(ending: Ending) -> tuple[str, str, tuple[Remedy, ...]]:
    for shape, meaning, title, commands in _ERRORS:
        if shape.search(ending.error):
            cure = (Remedy(title, Safety.MANUAL, commands),) if title else ()
            return f"could not be started: {meaning}", "Nothing of TabbyAPI has run.", cure
    return "could not be started", "Nothing of TabbyAPI has run.", ()


def _ended(ending: Ending, box: Container) -> tuple[str, str, tuple[Remedy, ...]]:
    again = f" Its engine starts it again, {ending.restarts} times so far." * ending.again
    if ending.out_of_memory:
        title = "Give it more memory (`mem_limit`, --memory), or let it load less"
        return (
            "has ended: main memory ran out",
            f"It reached its own limit, and the kernel killed it.{again}",
            (made_anew(title, box),),
        )
    if ending.stopped:
        return "was stopped", "Somebody stopped it: nothing is broken.", ()
    code = ending.code
    if code is None:
        return "has ended", f"Its status is kept in the engine's database.{again}", ()
    meaning = TABBY_STATUS.get(code) or _BY_SIGNAL.get(code) or "it ended with an error"
    if code == 0:
        meaning = "it ended of its own accord"
    return f"has ended with {code}", f"{meaning[0].upper()}{meaning[1:]}.{again}", ()


def _status(ending: Ending) -> str:
    return "ended" if ending.code is None else f"ended with {ending.code}"


def _source(box: Container) -> str:
    return f"{box.client.removeprefix('sudo ')} ps -a" if box.client else f"{box.engine}'s record"


def _start(box: Container, *, first: bool) -> Iterator[Remedy]:
    look = (box.logs,) if box.logs else ()
    title = "Read what it said last, then start it" if first else "Then start it"
    yield Remedy(title, Safety.MANUAL, (*look, *box.restart) if first else box.restart)
