"""The router cannot open what it takes TabbyAPI's key from, or cannot send what it finds there.

## What it checks
Whether the router's account, with its unit's groups and inside its unit's sandbox, may open the
tokens, key or credential file that it takes its key from; and whether the text of a key file is
one that a header can carry, as the router reads it.

## Why it matters
A router that is denied the file sends no key, or ends with an error on each request. A newline at
the end of a key file, read without `.strip()`, makes every HTTP library refuse the request.

## How it is told
By mode, owner and ACL of the file and of every directory on the way to it (a home of mode 0700
keeps everybody else out), and by the unit's `ProtectHome=`, `InaccessiblePaths=` and their like.
Where the router has another key when the file is denied, nothing is said.

## What to do
`tabbydoctor fix --auth` brings the key to the router's unit where its account may not read the
tokens, and sends it without the newline.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import AUTH, Evidence, Finding, check
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.reach import RouterReach
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint

from . import WIRE_KEY, file_name, key_needed, wire_key


@check(
    "RTR017",
    "router-denied",
    category="router",
    caused_by=("TOK007",),
    cure=WIRE_KEY,
    tags=(AUTH,),
)
def denied(
    reach: RouterReach,
    reading: RouterReading,
    site: RouterSite,
    config: EffectiveConfig | None,
    endpoint: Endpoint | None,
) -> Iterator[Finding]:
    key_needed(config, endpoint)
    remedies = (wire_key(site, reading, config),)
    for path, why in reach.denied.items():
        yield Finding(
            f"{file_name(reading)} takes the key from {path}, and may not open it",
            f"{why[:1].upper()}{why[1:]}: the router sends no key, or fails.",
            evidence=(Evidence(path, "open to the router", why),),
            remedies=remedies,
        )
    for path, why in reach.unsendable.items():
        yield Finding(
            f"What {file_name(reading)} reads from {path} cannot be sent as a key",
            f"The file {why}.",
            evidence=(Evidence(path, "a key alone", why),),
            remedies=remedies,
        )
