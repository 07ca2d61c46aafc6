"""The router sends the admin key where the API key is enough.

## What it checks
Health checks and forwarded requests of the router must carry `api_key`, not `admin_key`.

## Why it matters
The admin key loads, unloads and downloads models. Whoever sees the router's traffic, logs
or memory gets all of it, though requests for completions need none of it.

## How it is told
The source is read, never run: where the value of the header comes from. A key that stands in a
gateway's file or in the router's environment is compared with both of TabbyAPI's. Calls of admin
routes such as `/v1/model/load` are left alone.

## What to do
Read `api_key` instead. If the admin key was seen by others, rotate it: replace `admin_key`
in api_tokens.yml with a new value (`openssl rand -hex 16`) and restart TabbyAPI.
"""

from collections.abc import Iterator

from tabbydoctor.api import AUTH, Finding, Severity, check
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.routers import Call, RouterReading
from tabbydoctor.routers.site.keys import LITERAL, RouterKeys
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.tabbyapi.tokens import Tokens

from . import WIRE_KEY, evidence_at, file_name, give_key, readable_and_asked


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
    keys: RouterKeys | None = None,
    tokens: Tokens | None = None,
) -> Iterator[Finding]:
    places = readable_and_asked(reading, config, endpoint).at(lambda part: part.uses_admin_key)
    places = places or tuple(_holding(reading, keys, tokens))
    if places:
        yield Finding(
            f"{file_name(reading, places)} sends TabbyAPI's admin key where the API key is enough",
            "The admin key may load, unload and download models.",
            evidence=evidence_at(places, "api_key", "admin_key"),
            remedies=give_key(site, reading, config, _sending(reading)),
        )


def _holding(
    reading: RouterReading, keys: RouterKeys | None, tokens: Tokens | None
) -> Iterator[str]:
    """Where a key stands that is TabbyAPI's admin key, and not its API key, too."""
    admin = tokens.admin_key if tokens else None
    if keys is None or tokens is None or not admin or admin in tokens.api_keys:
        return
    for key in keys.keys:
        if key.value == admin and key.source == LITERAL:
            calls = [call for call in _sending(reading) if (call.file or reading.path) == key.where]
            yield from (reading.place(call) for call in calls)
        elif key.value == admin and not key.where.startswith("process "):
            yield key.where


def _sending(reading: RouterReading) -> list[Call]:
    return [call for call in reading.calls if call.sends_key is not False]
