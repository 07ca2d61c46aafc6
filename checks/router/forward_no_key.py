"""The requests that the router forwards to TabbyAPI carry no key.

## What it checks
Every request that the router passes on to TabbyAPI must carry TabbyAPI's API key, unless
authentication is off. What a caller sent is no key of the router's: handed on, it is TabbyAPI's
key only where every caller has it, or where the router compares it with a key of its own before.

## Why it matters
Clients get `401 Please provide an API key` from behind the router, even when its health
check is right: fixing the probe alone is the usual half of the repair.

## How it is told
Two witnesses, and each is enough. The router's source or configuration is read, never run:
every HTTP call, the addresses it may go to, and the headers it carries on each way through the
code. And the running router, whatever its language, is asked `GET /v1/models` without a key and
with one that nobody knows: where TabbyAPI's own `Please provide an API key` or `Invalid API key`
comes back, it tells what reached TabbyAPI. No real key is sent, and nothing is posted.

## What to do
`tabbydoctor fix --auth` lets the router (nginx, HAProxy and Caddy, too) send the key to TabbyAPI
alone, in the place of what a caller sent; calls that need the admin key then go to TabbyAPI itself.
By hand: send
`Authorization: Bearer <api_key>` with the call in place of what the caller sent, and to no other
backend.
"""

from collections.abc import Iterator, Mapping

from tabbydoctor.api import AUTH, KEYLESS, ROUTER_KEY, Evidence, Finding, Unknown, check
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.routers import Call, RouterReading
from tabbydoctor.routers.keys import CLIENT_OWN
from tabbydoctor.routers.unread import RouterRead
from tabbydoctor.routers.witness import FORWARDS_NO_KEY, RouterWitness, Verdict
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint

from . import (
    EXPECTED,
    WIRE_KEY,
    answers_401,
    file_name,
    give_key,
    key_needed,
    keyless,
    meant_to_be_off,
    name_of,
    readable,
    seen_live,
    whole,
)

_SEEN: Mapping[Verdict, tuple[str, str]] = {
    "handed on": (
        "hands its callers' headers on to TabbyAPI and sends no key",
        "What callers send, or nothing, reaches TabbyAPI: it answers 401 to all who do not have "
        "one of its own keys.",
    ),
    "none sent": (
        "sends TabbyAPI no key with what it forwards",
        "TabbyAPI answers 401 Please provide an API key, whatever the caller sent.",
    ),
    "caller wins": (
        "lets its callers' keys win over TabbyAPI's",
        "It sends a key only where the caller sends none: every other caller gets 401 Invalid API "
        "key, and clients of OpenAI's API always send some key.",
    ),
}


@check(
    "RTR002",
    "router-forward-no-key",
    category="router",
    caused_by=("CFG004", "CFG003", "RTR001", "RTR007"),
    cure=WIRE_KEY,
    tags=(AUTH, KEYLESS, ROUTER_KEY),
)
def forward_no_key(
    reading: RouterReading | None,
    config: EffectiveConfig | None,
    endpoint: Endpoint | None,
    site: RouterSite,
    witness: RouterWitness | None = None,
    read: RouterRead | None = None,
) -> Iterator[Finding]:
    key_needed(config, endpoint)
    seen = witness if witness and witness.verdict in FORWARDS_NO_KEY else None
    found, doubt = _read(reading)
    # llama-swap's keyed check ends every request; another router's is a fault beside this one.
    checked = ("RTR007",) if reading and reading.kind == "llama-swap" else ()
    causes = (*meant_to_be_off(config), "RTR001", *checked)
    live: tuple[Evidence, ...] = seen_live(seen) if seen else ()
    if reading and found:
        name = file_name(reading, [reading.place(found[0])])
        yield Finding(
            f"Requests forwarded by {name} carry no key for TabbyAPI",
            f"{answers_401(endpoint)}.",
            evidence=(*_evidence(reading, found), *live),
            remedies=give_key(site, reading, config, found),
            caused_by=causes,
        )
    elif seen:
        does, detail = _SEEN[seen.verdict]
        name = name_of(site, reading)
        yield Finding(
            f"{name[0].upper()}{name[1:]} {does}" if name.startswith("the ") else f"{name} {does}",
            detail,
            evidence=live,
            remedies=give_key(site, reading, config),
            caused_by=causes,
        )
    else:
        whole(reading, read)
        if doubt:
            raise doubt


def _read(reading: RouterReading | None) -> tuple[list[Call], Unknown | None]:
    """The forwarded calls that the reading proves to send no key; else what it cannot tell."""
    if reading is None:
        return [], None
    try:
        forwarded = (*readable(reading).of("forward"), *reading.of("other"))
        return keyless(reading, forwarded), None
    except Unknown as doubt:
        return [], doubt


def _evidence(reading: RouterReading, found: list[Call]) -> Iterator[Evidence]:
    handed_on = {reading.place(call) for call in found if call.key_from == CLIENT_OWN}
    for place in dict.fromkeys(map(reading.place, found)):
        sent = "what the caller sent" if place in handed_on else "no key"
        yield Evidence(place, EXPECTED, sent)
