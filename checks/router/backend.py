"""Another backend of the router is down, loading, or refuses its key.

## What it checks
Each other backend on this machine that the router names (SGLang, llama.cpp, vLLM) should
answer. A router that starts its backends when they are needed is left alone as long as
they are simply down.

## Why it matters
Requests for the models of that backend fail, although TabbyAPI is well.

## How it is told
`GET /health` and `GET /v1/models`, without a key, at the address in the router's source:
refused is down, 503 is loading, 401 or 403 asks for a key.

## What to do
Start the backend, or give the router the key of that backend (not TabbyAPI's).
"""

import re
import shlex
from collections.abc import Iterator
from urllib.parse import urlsplit

from tabbydoctor.api import PASSING, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Units
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.site.health import BackendState, RouterBackends

from . import file_name, readable

_WORDS = {
    "down": "does not answer",
    "loading": "is still loading",
    "key": "asks for a key that the router does not send",
}


@check("RTR012", "router-backend", category="router", severity=Severity.WARNING, tags=(PASSING,))
def backend(
    reading: RouterReading, backends: RouterBackends, units: Units | None
) -> Iterator[Finding]:
    on_demand = bool(readable(reading).starts_units)
    for state in backends.states:
        if state.state == "up" or (state.state == "down" and on_demand):
            continue
        yield Finding(
            f"The backend {state.name} of {file_name(reading)} {_WORDS[state.state]}",
            "Its models cannot be used through the router.",
            evidence=(Evidence(state.url, "200", state.seen),),
            remedies=(_remedy(state, _serving(state.url, units)),),
        )


def _serving(url: str, units: Units | None) -> Unit | None:
    """The unit that serves a port, where exactly one names it in its command."""
    named = re.compile(rf"(?<!\d){urlsplit(url).port}(?!\d)")
    every = units.units if units else ()
    found = [one for one in every if one.exists and any(map(named.search, one.command))]
    return found[0] if len(found) == 1 else None


def _remedy(state: BackendState, unit: Unit | None) -> Remedy:
    if state.state == "key":
        return Remedy("Let the router send it the key of its own", Safety.MANUAL)
    if unit is None:
        return Remedy("Start it, or wait until it has loaded", Safety.MANUAL)
    if unit.active:
        return Remedy(
            f"Wait until it has loaded: see the log of {unit.name}",
            Safety.MANUAL,
            (f"{unit.journalctl} -n 50 --no-pager",),
        )
    start = f"{unit.systemctl} start {shlex.quote(unit.name)}"
    return Remedy(f"Start {unit.name}, which serves it", Safety.UNSAFE, (start,))
