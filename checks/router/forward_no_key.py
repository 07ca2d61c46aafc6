"""The requests that the router forwards to TabbyAPI carry no key.

## What it checks
Every request that the router passes on to TabbyAPI must carry its API key, unless
authentication is off. What the router's own callers sent and it hands on is none of TabbyAPI's,
unless the router compares it with a key of its own before.

## Why it matters
Clients get `401 Please provide an API key` from behind the router, even when its health
check is right: fixing the probe alone is the usual half of the repair.

## How it is told
The router's source or configuration is read, never run: every HTTP call, the addresses it
may go to, and the headers it carries on each way through the code.

## What to do
`tabbydoctor fix --auth` lets the router send the key to TabbyAPI alone, in the place of what a
caller sent; calls that need the admin key then go to TabbyAPI itself. By hand: send
`Authorization: Bearer <api_key>` with the call, and to no other backend.
"""

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, check
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.routers import Call, RouterReading
from tabbydoctor.routers.keys import CLIENT_OWN
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint

from . import (
    EXPECTED,
    answers_401,
    evidence_at,
    file_name,
    keyless,
    meant_to_be_off,
    readable_and_asked,
    wire_key,
)


@check(
    "RTR002", "router-forward-no-key", category="router", caused_by=("CFG004", "CFG003", "RTR001")
)
def forward_no_key(
    reading: RouterReading,
    config: EffectiveConfig | None,
    endpoint: Endpoint | None,
    site: RouterSite | None,
) -> Iterator[Finding]:
    readable_and_asked(reading, config, endpoint)
    forwarded = (*reading.of("forward"), *reading.of("other"))
    found = keyless(reading, forwarded)
    if found:
        yield Finding(
            f"Requests forwarded by {file_name(reading)} carry no key for TabbyAPI",
            f"{answers_401(endpoint)}.",
            evidence=tuple(_evidence(reading, found)),
            remedies=(wire_key(site, reading, config),),
            caused_by=(*meant_to_be_off(config), "RTR001"),
        )


def _evidence(reading: RouterReading, found: list[Call]) -> Iterator[Evidence]:
    handed_on = {call.line for call in found if call.key_from == CLIENT_OWN}
    for line in dict.fromkeys(call.line for call in found):
        sent = "what the caller sent" if line in handed_on else "no key"
        yield from evidence_at(reading, [line], EXPECTED, sent)
