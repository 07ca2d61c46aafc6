"""The router sends TabbyAPI's key to other backends.

## What it checks
The key that the router sends to TabbyAPI must go nowhere else.

## Why it matters
Another backend, whoever runs or imitates it, can then use TabbyAPI in the router's name.

## How it is told
The source is read, never run: for each HTTP call, which backends it may reach and whether
the header with TabbyAPI's key goes with it on that way.

## What to do
Send the header to TabbyAPI alone: `tabbydoctor fix RTR008` does so in a Python router whose call
names the header itself, and says which lines it leaves. Then rotate the key: replace `api_key` in
api_tokens.yml with a new value (`openssl rand -hex 16`) and restart TabbyAPI.
"""

from collections.abc import Iterator

from tabbydoctor.api import AUTH, Finding, Remedy, Safety, check
from tabbydoctor.records import replace
from tabbydoctor.routers import RouterReading

from . import WIRE_KEY, evidence_at, file_name, readable


@check(
    "RTR008",
    "router-key-leaks",
    category="router",
    tags=(AUTH,),
    cure=replace(WIRE_KEY, in_part=True),
)
def key_leaks(reading: RouterReading) -> Iterator[Finding]:
    places = readable(reading).at(lambda part: part.leaks)
    if places:
        yield Finding(
            f"{file_name(reading, places)} sends TabbyAPI's key to other backends",
            "Whoever answers there can use TabbyAPI with it.",
            evidence=evidence_at(places, "key to TabbyAPI only", "key to others too"),
            remedies=(
                Remedy("Send the header to TabbyAPI alone", Safety.MANUAL),
                Remedy(
                    "Then rotate api_key in api_tokens.yml: a new value from this command",
                    Safety.MANUAL,
                    ("openssl rand -hex 16",),
                ),
            ),
        )
