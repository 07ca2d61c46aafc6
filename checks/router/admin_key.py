"""The router sends the admin key where the API key is enough.

## What it checks
Health checks and forwarded requests of the router must carry `api_key`, not `admin_key`.

## Why it matters
The admin key loads, unloads and downloads models. Whoever sees the router's traffic, logs
or memory gets all of it, though requests for completions need none of it.

## How it is told
The source is read, never run: where the value of the header comes from. Calls of admin
routes such as `/v1/model/load` are left alone.

## What to do
Read `api_key` instead. If the admin key was seen by others, rotate it: replace `admin_key`
in api_tokens.yml with a new value (`openssl rand -hex 16`) and restart TabbyAPI.
"""

from collections.abc import Iterator

from tabbydoctor.api import AUTH, Finding, Severity, check
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.routers import RouterReading
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint

from . import WIRE_KEY, evidence_at, file_name, readable_and_asked, wire_key


@check(
    "RTR004",
    "router-admin-key",
    category="router",
    severity=Severity.WARNING,
    cure=WIRE_KEY,
    tags=(AUTH,),
)
def admin_key(
    reading: RouterReading,
    config: EffectiveConfig | None,
    endpoint: Endpoint | None,
    site: RouterSite | None,
) -> Iterator[Finding]:
    places = readable_and_asked(reading, config, endpoint).at(lambda part: part.uses_admin_key)
    if places:
        yield Finding(
            f"{file_name(reading, places)} sends TabbyAPI's admin key where the API key is enough",
            "The admin key may load, unload and download models.",
            evidence=evidence_at(places, "api_key", "admin_key"),
            remedies=(wire_key(site, reading, config),),
        )
