"""The router waits for less than TabbyAPI's last load took, or than an answer takes.

## What it checks
How long the router waits for its backend to become ready, beside how long TabbyAPI took
from its start until it served; and how long a gateway waits for an answer.

## Why it matters
TabbyAPI opens its port only after the model is loaded. A router that gives up before that
reports a fault where there is none, and may stop or restart the loading server. An answer that is
not streamed comes at its end, after minutes, and a long prompt is silent before the first token:
a gateway that gives up meanwhile answers 504, and TabbyAPI goes on for nobody.

## How it is told
The limit in the router's waiting loop or its configuration (llama-swap's `healthCheckTimeout`,
120 s where it is not set), and the time between the first line of TabbyAPI's log and
`Uvicorn running on`. Of nginx `proxy_read_timeout` (60 s by default), of HAProxy `timeout server`,
of Caddy the timeouts of its transport, of LiteLLM `timeout`, of llama-swap a `responseHeader` that
is written under `timeouts`: less than two minutes is short.

## What to do
Raise the limit well above the load time, and that for an answer to ten minutes, as clients of
OpenAI's API have it: `tabbydoctor fix RTR014` does so for LiteLLM and llama-swap.
"""

from collections.abc import Iterator

from tabbydoctor.api import (
    CURE,
    Absent,
    Cure,
    Evidence,
    Finding,
    Remedy,
    Safety,
    Severity,
    Unknown,
    check,
)
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.routers import RouterReading, Wait
from tabbydoctor.routers.gateways.remedies import by_hand
from tabbydoctor.tabbyapi.load_time import load_time
from tabbydoctor.tabbyapi.log import RunLog

from . import file_name, readable

_LEAST_ANSWER = 120
"""Seconds: a thousand tokens of a large model, or a long prompt of a small one."""


@check(
    "RTR014",
    "router-impatient",
    category="router",
    severity=Severity.WARNING,
    cure=Cure("tabbydoctor.remedies.gateway_values:mend_wait", Safety.UNSAFE, in_part=True),
)
def impatient(
    reading: RouterReading, log: RunLog | None, site: RouterSite | None = None
) -> Iterator[Finding]:
    if not readable(reading).timeouts and not reading.waits:
        if reading.incomplete:
            raise Unknown(reading.incomplete)
        raise Absent(f"{reading.path} has no waiting loop with a known limit")
    for wait in reading.waits:
        if wait.until == "answered" and wait.seconds < _LEAST_ANSWER:
            yield _short(reading, wait, site)
    took = load_time(log) if log else None
    if log is not None and took is not None:
        yield from _loading(reading, log, took)
    elif not any(wait.until == "answered" for wait in reading.waits):
        raise Absent("the log does not tell how long the last load took")


def _short(reading: RouterReading, wait: Wait, site: RouterSite | None) -> Finding:
    place = f"{wait.file}:{wait.line}"
    default = "" if wait.written else ", its default"
    edits = by_hand(reading, "wait", site, _waiting(reading, wait))
    return Finding(
        f"{file_name(reading, [place])} gives TabbyAPI {wait.seconds:.0f} s to answer",
        f"{wait.setting} is {wait.seconds:.0f} s{default}: an answer that is not streamed, and a "
        "long prompt, are silent for longer, and the caller gets 504.",
        (
            Evidence(
                place,
                f"{wait.setting} of {_LEAST_ANSWER} s or more",
                f"{wait.seconds:.0f} s{default}",
            ),
        ),
        edits or (CURE, Remedy(f"Set {wait.setting} to 600 s", Safety.MANUAL)),
    )


def _waiting(reading: RouterReading, wait: Wait) -> set[tuple[str, int]]:
    """The places that a limit holds for: its own, or all of its file."""
    here = {(wait.file, wait.line)}
    mended = {(edit.file, edit.mends) for edit in reading.by_hand if edit.concern == "wait"}
    return here if here & mended else mended


def _loading(reading: RouterReading, log: RunLog, took: float) -> Iterator[Finding]:
    limits = [
        (f"{part.path}:{line}", seconds)
        for part in reading.modules
        for line, seconds in part.timeouts
    ]
    waits = {f"{one.file}:{one.line}": one for one in reading.waits if one.until == "loaded"}
    limits += [(place, one.seconds) for place, one in waits.items()]
    for place, seconds in limits:
        if seconds >= took:
            continue
        name, raised = file_name(reading, [place]), _rounded(took)
        setting = waits[place].setting if place in waits else ""
        yield Finding(
            f"{name} waits {seconds:.0f} s; the last load took {took:.0f} s",
            "It gives TabbyAPI up while the model is still loading.",
            evidence=(
                Evidence(place, f"more than {took:.0f} s", f"{seconds:.0f} s"),
                Evidence(log.source, actual=f"{took:.0f} s from start to serving"),
            ),
            remedies=(
                *((CURE,) if setting else ()),
                Remedy(f"Raise {setting or 'the limit'} to {raised} s or more", Safety.MANUAL),
            ),
        )


def _rounded(seconds: float) -> int:
    return (int(seconds * 2) // 60 + 1) * 60
