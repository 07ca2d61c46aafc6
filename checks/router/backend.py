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

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.site_health import BackendState, RouterBackends

from . import file_name, readable

_WORDS = {
    "down": "does not answer",
    "loading": "is still loading",
    "key": "asks for a key that the router does not send",
}


@check("RTR012", "router-backend", category="router", severity=Severity.WARNING)
def backend(reading: RouterReading, backends: RouterBackends) -> Iterator[Finding]:
    on_demand = bool(readable(reading).starts_units)
    for state in backends.states:
        if state.state == "up" or (state.state == "down" and on_demand):
            continue
        yield Finding(
            f"The backend {state.name} of {file_name(reading)} {_WORDS[state.state]}",
            f"Its models cannot be used through the router ({state.url}).",
            evidence=(Evidence(state.url, "200", state.seen),),
            remedies=(_remedy(state),),
        )


def _remedy(state: BackendState) -> Remedy:
    if state.state == "key":
        return Remedy(f"Let the router send the key of {state.name} to it", Safety.MANUAL)
    return Remedy(f"Start {state.name}, or wait until it has loaded", Safety.MANUAL)
