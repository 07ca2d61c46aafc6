"""The router's health check sends no key to an endpoint that asks for one.

## What it checks
Every health check of the router that reaches TabbyAPI must send its API key, unless it asks
a path that needs none (`/health`) or authentication is off.

## Why it matters
TabbyAPI answers `401 Please provide an API key`. The router takes it for down, waits until
its time is over, and never sends a request: the model seems never to load.

## How it is told
Two witnesses, and each is enough. The router's source or configuration is read, never run:
every HTTP call, the addresses it may go to, and the headers it carries on each way through the
code. And TabbyAPI's log is looked at: a request for its models or its model that was refused
with 401 and came from a socket of the router's own process. What the doctor itself asked is left
out; so is the log where the router hands its callers' requests on, for then they may be theirs.

## What to do
`tabbydoctor fix --auth` lets the router send the key to TabbyAPI alone. By hand: send
`Authorization: Bearer <api_key>` with the call, or probe `GET /health`, which needs no key.
"""

from collections.abc import Iterator

from tabbydoctor.api import AUTH, KEYLESS, ROUTER_KEY, Evidence, Finding, Remedy, Unknown, check
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.routers import Call, RouterReading
from tabbydoctor.routers.gateways.remedies import by_hand
from tabbydoctor.routers.refusals import RouterRefusals
from tabbydoctor.routers.unread import RouterRead
from tabbydoctor.routers.witness import CALLERS, RouterWitness
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint

from . import (
    EXPECTED,
    WIRE_KEY,
    answers_401,
    evidence_of,
    file_name,
    in_place,
    key_needed,
    keyless,
    meant_to_be_off,
    name_of,
    readable,
    whole,
    wire_key,
)


@check(
    "RTR001",
    "router-probe-no-key",
    category="router",
    caused_by=("CFG004", "CFG003", "RTR005"),
    cure=WIRE_KEY,
    tags=(AUTH, KEYLESS, ROUTER_KEY),
)
def probe_no_key(
    reading: RouterReading | None,
    config: EffectiveConfig | None,
    endpoint: Endpoint | None,
    site: RouterSite,
    refusals: RouterRefusals | None = None,
    witness: RouterWitness | None = None,
    read: RouterRead | None = None,
) -> Iterator[Finding]:
    key_needed(config, endpoint)
    found, doubt = _read(reading)
    logged = _logged(refusals, witness)
    if reading and found:
        name = file_name(reading, [reading.place(found[0])])
        asked = found[0].path or "an authenticated path"
        yield Finding(
            f"The health check in {name} sends TabbyAPI no key",
            f"It asks {found[0].method} {asked}. {answers_401(endpoint)}: "
            "the router takes that for down.",
            evidence=(*evidence_of(reading, found, EXPECTED, "no key"), *logged),
            remedies=_remedies(site, reading, config, found),
            caused_by=meant_to_be_off(config),
        )
    elif logged:
        yield Finding(
            f"TabbyAPI refuses what {name_of(site, reading)} asks it for",
            "Its own requests bring no key that TabbyAPI accepts: it takes TabbyAPI for down.",
            evidence=logged,
            remedies=(wire_key(site, reading, config),),
            caused_by=(*meant_to_be_off(config), "RTR005"),
        )
    else:
        whole(reading, read)
        if doubt:
            raise doubt


def _read(reading: RouterReading | None) -> tuple[list[Call], Unknown | None]:
    """The health checks that the reading proves to send no key; else what it cannot tell."""
    if reading is None:
        return [], None
    try:
        asked = (call for call in readable(reading).of("probe") if call.takes_key)
        return keyless(reading, asked), None
    except Unknown as doubt:
        return [], doubt


def _remedies(
    site: RouterSite, reading: RouterReading, config: EffectiveConfig | None, found: list[Call]
) -> tuple[Remedy, ...]:
    """A gateway's check is mended for itself: its requests have their own lines."""
    if any(edit.concern == "probe" for edit in reading.by_hand):
        places = {(call.file or reading.path, call.line) for call in found}
        return (*in_place(site, reading), *by_hand(reading, "probe", site, places))
    return (wire_key(site, reading, config),)


def _logged(refusals: RouterRefusals | None, witness: RouterWitness | None) -> tuple[Evidence, ...]:
    """The router's own requests that the log shows as refused."""
    if refusals is None or (witness and witness.verdict in CALLERS):
        return ()
    return tuple(
        Evidence(
            refusals.source,
            "200",
            f"GET {one.path} from {one.client}, of the router's process {one.pid}: 401",
        )
        for one in refusals.found
    )
