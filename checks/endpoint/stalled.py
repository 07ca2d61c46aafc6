"""Requests come in, and none is finished: TabbyAPI's generator stands still.

## What it checks
The requests of which TabbyAPI's log tells: that some have been finished since several came in.

## Why it matters
Clients wait until they give up, and every check of health says that all is well: `/health` knows
of errors alone, and there was none.

## How it is told
Three requests or more came in since the last one was finished (or has failed), the first of them
at least ten minutes ago; `/health` answers 200. A client that leaves within a minute may have
changed his mind: his request does not count. One long generation is no standstill.

## What to do
Restart TabbyAPI. If it comes again: look for an Xid of the GPU (GPU007), update exllamav3, try
without `tensor_parallel` or a draft model.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from tabbydoctor.api import PASSING, Absent, Evidence, Finding, Remedy, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.redaction import redact
from tabbydoctor.tabbyapi.answers import of_tabbyapi
from tabbydoctor.tabbyapi.log import LogLine, RunLog
from tabbydoctor.tabbyapi.log_reading import shown_by
from tabbydoctor.tabbyapi.log_text import message
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.tabbyapi.requests_log import waiting

from . import restart

_SEVERAL = 3
_LONG = 600.0
"""Seconds."""


@check(
    "API010",
    "api-stalled",
    category="endpoint",
    severity=Severity.WARNING,
    caused_by=("GPU003", "GPU007", "SVC011"),
    tags=(PASSING,),
)
def stalled(endpoint: Endpoint, log: RunLog, instance: Instance | None) -> Iterator[Finding]:
    of_tabbyapi(endpoint)
    health = endpoint.answer("/health")
    if not log.present or (health and health.status == 503):
        raise Absent("TabbyAPI does not say that it is well")
    found = waiting(log)
    if len(found.received) < _SEVERAL:
        return
    first, last = found.received[0], found.received[-1]
    if endpoint.asked_at - first.time < _LONG:
        return
    since = f"since {_clock(first)}"
    yield Finding(
        f"{len(found.received)} requests have come in {since}, and none was finished",
        "TabbyAPI answers and calls itself healthy, and its generator stands still.",
        (
            *_ended(log, found.last_end),
            Evidence(log.source, "Finished", f"{_clock(first)} {_words(first)}"),
            Evidence(log.source, "Finished", f"{_clock(last)} {_words(last)}"),
        ),
        (
            restart(instance, "Restart TabbyAPI: what waits is lost"),
            Remedy("Read the log from there on", commands=(shown_by(log),)),
        ),
    )


def _ended(log: RunLog, line: LogLine | None) -> Iterator[Evidence]:
    if line:
        yield Evidence(log.source, actual=f"{_clock(line)} {_words(line)}")


def _words(line: LogLine) -> str:
    return redact(message(line.text))[:120]


def _clock(line: LogLine) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(line.time))
