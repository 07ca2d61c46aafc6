"""The router's health check counts a 401 as healthy.

## What it checks
What the router's health check concludes when TabbyAPI answers 401 must not be what it
concludes from a 200.

## Why it matters
A missing, wrong or rotated key looks like health. The router says "ready", and every
request it forwards then fails.

## How it is told
The source of the health check is followed, never run, once as if TabbyAPI answered 200 and
once as if it answered 401; both must not come to the same good verdict.

## What to do
`tabbydoctor fix --auth` sends the key and takes 401 out of what counts as healthy. To ask
only whether the server is up, `GET /health` needs no key.
"""

from collections.abc import Iterator

from tabbydoctor.api import AUTH, Finding, Severity, check
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.routers import RouterReading
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint

from . import WIRE_KEY, evidence_at, file_name, readable_and_asked, wire_key


@check(
    "RTR003",
    "router-masks-401",
    category="router",
    severity=Severity.WARNING,
    cure=WIRE_KEY,
    tags=(AUTH,),
)
def masks_401(
    reading: RouterReading,
    config: EffectiveConfig | None,
    endpoint: Endpoint | None,
    site: RouterSite | None,
) -> Iterator[Finding]:
    places = readable_and_asked(reading, config, endpoint).at(lambda part: part.accepts_401)
    if places:
        yield Finding(
            f"The health check in {file_name(reading, places)} counts a 401 as healthy",
            "A missing or wrong key looks like health, while every request fails.",
            evidence=evidence_at(places, "401 is not healthy", "401 is healthy"),
            remedies=(wire_key(site, reading, config),),
        )
