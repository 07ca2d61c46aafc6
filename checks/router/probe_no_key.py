"""The router's health check sends no key to an endpoint that asks for one.

## What it checks
Every health check of the router that reaches TabbyAPI must send its API key, unless it asks
a path that needs none (`/health`) or authentication is off.

## Why it matters
TabbyAPI answers `401 Please provide an API key`. The router takes it for down, waits until
its time is over, and never sends a request: the model seems never to load.

## How it is told
The router's source or configuration is read, never run: every HTTP call, the addresses it
may go to, and the headers it carries on each way through the code.

## What to do
`tabbydoctor fix --auth` lets the router send the key to TabbyAPI alone. By hand: send
`Authorization: Bearer <api_key>` with the call, or probe `GET /health`, which needs no key.
"""

from collections.abc import Iterator

from tabbydoctor.api import Finding, check
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.routers import RouterReading
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint

from . import (
    EXPECTED,
    answers_401,
    evidence_of,
    file_name,
    keyless,
    meant_to_be_off,
    readable_and_asked,
    wire_key,
)


@check("RTR001", "router-probe-no-key", category="router", caused_by=("CFG004", "CFG003"))
def probe_no_key(
    reading: RouterReading,
    config: EffectiveConfig | None,
    endpoint: Endpoint | None,
    site: RouterSite | None,
) -> Iterator[Finding]:
    probes = readable_and_asked(reading, config, endpoint).of("probe")
    found = keyless(reading, probes)
    if found:
        asked = found[0].path or "an authenticated path"
        yield Finding(
            f"The health check in {file_name(reading)} sends TabbyAPI no key",
            f"It asks {found[0].method} {asked}. {answers_401(endpoint)}: "
            "the router takes that for down.",
            evidence=evidence_of(reading, found, EXPECTED, "no key"),
            remedies=(wire_key(site, reading, config),),
            caused_by=meant_to_be_off(config),
        )
