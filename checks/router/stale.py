"""The router runs as its files were before they were changed.

## What it checks
Whether the router's source (each module of its own that it imports), its configuration, its unit,
a drop-in, an environment file or a credential of its was changed after its process began.

## Why it matters
What is on disk is not what runs. A repair without a restart (`fix --no-restart`, or one by hand)
is not in force, and what this doctor reads in the files is not what the router does.

## How it is told
The times at which the files were last changed, beside that at which the process began. Files that
a router reads again while it runs, such as api_tokens.yml, do not count, nor does a program that
was told to watch its files (`--reload`, `-watch-config`).

## What to do
Restart the router. `tabbydoctor fix --auth` does so, and sees whether it works then.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tabbydoctor.api import AUTH, Cure, Evidence, Finding, Safety, check
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.routers.staleness import RouterStaleness

from . import restart

_RESTART = Cure(
    "tabbydoctor.remedies.router_restart:restart_stale",
    Safety.SAFE,
    undoable=False,
    title="Restart it, and see whether it works",
    command="fix --auth",
)


@check(
    "RTR015",
    "router-stale",
    category="router",
    cure=_RESTART,
    tags=(AUTH,),
)
def stale(site: RouterSite, staleness: RouterStaleness) -> Iterator[Finding]:
    if not staleness.newer:
        return
    first = next(iter(staleness.newer))
    unit = site.unit
    who = unit.name if unit else f"process {site.process.pid}" if site.process else "it"
    began = _time(staleness.started)
    yield Finding(
        f"The router runs since before {first} was changed",
        f"{who} has what stood there when it was started.",
        evidence=tuple(
            Evidence(path, f"changed before {began}, when the router was started", _time(when))
            for path, when in staleness.newer.items()
        ),
        remedies=(
            *((_RESTART.remedy("RTR015", root=not unit.user_manager),) if unit else ()),
            restart(site, "Restart the router"),
        ),
    )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(" ", "seconds")
