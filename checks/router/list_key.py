"""The router breaks when `api_key` is a list of keys.

## What it checks
A router that reads `api_key` from api_tokens.yml must take a list of keys as well as one.

## Why it matters
TabbyAPI since July 2026 takes both. Written into a header as it stands, a list becomes
`Bearer ['…', '…']`: TabbyAPI refuses it, and the whole list lands in its request log.

## How it is told
The source is read, never run: the value under `api_key` reaches the header without a look
at whether it is a list. While the file holds one key this is a remark only.

## What to do
Take the first of a list: `key = key[0] if isinstance(key, list) else key`.
"""

from collections.abc import Iterator

from tabbydoctor.api import AUTH, Finding, Severity, check
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.routers import RouterReading
from tabbydoctor.tabbyapi.tokens import Tokens

from . import WIRE_KEY, evidence_at, file_name, readable, wire_key


@check(
    "RTR011",
    "router-list-key",
    category="router",
    severity=Severity.WARNING,
    cure=WIRE_KEY,
    tags=(AUTH,),
)
def list_key(
    reading: RouterReading, tokens: Tokens | None, site: RouterSite | None
) -> Iterator[Finding]:
    places = readable(reading).at(lambda part: part.assumes_key_string)
    if places:
        is_list = tokens is not None and tokens.is_list
        breaks = "breaks on" if is_list else "would break on"
        yield Finding(
            f"{file_name(reading, places)} {breaks} a list of API keys",
            "It writes api_key into the header as it stands, be it one key or a list.",
            evidence=evidence_at(places, "a string or a list", "a string only"),
            remedies=(wire_key(site, reading),),
            severity=None if is_list else Severity.INFO,
        )
