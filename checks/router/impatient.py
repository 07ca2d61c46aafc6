"""The router waits for less than TabbyAPI's last load took.

## What it checks
How long the router waits for its backend to become ready, beside how long TabbyAPI took
from its start until it served.

## Why it matters
TabbyAPI opens its port only after the model is loaded. A router that gives up before that
reports a fault where there is none, and may stop or restart the loading server.

## How it is told
The limit in the router's waiting loop, and the time between the first line of TabbyAPI's
log and `Uvicorn running on`.

## What to do
Raise the limit well above the load time.
"""

from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Safety, Severity, Unknown, check
from tabbydoctor.routers import RouterReading
from tabbydoctor.tabbyapi.log import RunLog

from . import file_name, readable

_SERVING = "Uvicorn running on"


@check("RTR014", "router-impatient", category="router", severity=Severity.WARNING)
def impatient(reading: RouterReading, log: RunLog) -> Iterator[Finding]:
    if not readable(reading).timeouts and reading.incomplete:
        raise Unknown(reading.incomplete)
    if not reading.timeouts:
        raise Absent(f"{reading.path} has no waiting loop with a known limit")
    took = _load_time(log)
    if took is None:
        raise Absent("the log does not tell how long the last load took")
    limits = ((part.path, *limit) for part in reading.modules for limit in part.timeouts)
    for path, line, seconds in limits:
        if seconds < took:
            place = f"{path}:{line}"
            name = file_name(reading, [place])
            yield Finding(
                f"{name} waits {seconds:.0f} s; the last load took {took:.0f} s",
                "It gives TabbyAPI up while the model is still loading.",
                evidence=(
                    Evidence(place, f"more than {took:.0f} s", f"{seconds:.0f} s"),
                    Evidence(log.source, actual=f"{took:.0f} s from start to serving"),
                ),
                remedies=(Remedy(f"Raise the limit to {_rounded(took)} s or more", Safety.MANUAL),),
            )


def _load_time(log: RunLog) -> float | None:
    served = next((line.time for line in log.lines if _SERVING in line.text and line.time), None)
    started = next((line.time for line in log.lines if line.time), None)
    return served - started if served and started else None


def _rounded(seconds: float) -> int:
    return (int(seconds * 2) // 60 + 1) * 60
