"""A router stands in front of TabbyAPI, and whether it sends the key could not be judged.

## What it checks
A router is judged by two witnesses: what comes back through it while it runs, and its source or
configuration, read to its end. One of them must have told.

## Why it matters
Silence is not health. A router of which nothing is known may be the one that sends no key, and
then every request through it ends in 401 while everything else is well.

## How it is told
The router is found by its unit, by its connections to TabbyAPI, or by what its command line
runs. Its source was not read to its end where it is neither Python nor a gateway that is known
(LiteLLM, llama-swap, nginx, HAProxy, Caddy, Traefik, Open WebUI, SillyTavern), where it or what it
includes cannot be opened, where a part of it is not followed (a Lua block, a variable upstream, a
plugin), or where no call that reaches TabbyAPI was found in it; it does not tell, where the
headers of such a call come from what is not known. The running router tells
nothing where it answers `GET /v1/models` by itself, does not answer, or cannot be asked. Where
that one route was seen to carry a key and the source was not read, this is a remark: what else
the router sends is not known.

## What to do
Do what is named: run the check as root, start the router, or name the file that holds the calls
with `--router`. Otherwise send one request through the router: where TabbyAPI's own
`Please provide an API key` or `Invalid API key` comes back, it sends no key or a wrong one.
"""

import json
import shlex
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Machine, RouterSite
from tabbydoctor.invocation import invocation
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.probes import is_open
from tabbydoctor.routers.refusals import RouterRefusals
from tabbydoctor.routers.unread import RouterRead
from tabbydoctor.routers.witness import RouterWitness
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint

from . import NOT_IN_TIME, key_needed, name_of

NO_SUCH_MODEL = {
    "model": "tabbydoctor-no-such-model",
    "messages": [{"role": "user", "content": "hi"}],
    "max_tokens": 1,
}
"""A request that no model serves: it loads nothing and switches nothing."""


@check(
    "RTR019",
    "router-unjudged",
    category="router",
    severity=Severity.WARNING,
    caused_by=("API001", "API002", "RTR010"),
)
def unjudged(
    site: RouterSite,
    read: RouterRead | None,
    witness: RouterWitness | None,
    config: EffectiveConfig | None,
    endpoint: Endpoint | None,
    machine: Machine | None = None,
    reading: RouterReading | None = None,
    refusals: RouterRefusals | None = None,
) -> Iterator[Finding]:
    key_needed(config, endpoint)
    untold = read.untold if read else NOT_IN_TIME
    if not untold or _proven(witness, reading, refusals):
        return
    keyed = witness is not None and witness.verdict == "keyed"
    name = name_of(site)
    yield Finding(
        f"What {name} sends besides GET /v1/models could not be judged"
        if keyed
        else f"Whether {name} sends TabbyAPI a key could not be judged",
        f"{_live(site, witness, endpoint, machine)} Its source: {untold}.",
        evidence=tuple(_evidence(site, witness)),
        remedies=tuple(_remedies(site, witness, machine)),
        severity=Severity.INFO if keyed else None,
        caused_by=_causes(site, endpoint),
    )


def _proven(
    witness: RouterWitness | None, reading: RouterReading | None, refusals: RouterRefusals | None
) -> bool:
    """Whether a fault of its key is known, however little else of it is."""
    if (witness and witness.proves_fault) or (refusals and refusals.found):
        return True
    calls = reading.calls if reading else ()
    return any(call.sends_key is False and not is_open(call.path) for call in calls)


def _live(
    site: RouterSite,
    witness: RouterWitness | None,
    endpoint: Endpoint | None,
    machine: Machine | None,
) -> str:
    """What the running router told, in a sentence."""
    if witness and witness.verdict == "keyed":
        return "GET /v1/models reaches TabbyAPI with a key; nothing else was asked."
    if witness:
        return f"It runs, and proves nothing: {witness.why}."
    if endpoint is None or not endpoint.reached:
        return "TabbyAPI does not answer, so nothing follows from what the router says."
    if not _runs(site):
        return "It is not running, so it could not be asked."
    if not site.urls and not (machine and machine.root):
        return "Its port cannot be seen without root (use sudo), so it could not be asked."
    return "It listens on no port that can be seen, so it could not be asked."


def _runs(site: RouterSite) -> bool:
    return bool(site.process or site.pids)


def _evidence(site: RouterSite, witness: RouterWitness | None) -> Iterator[Evidence]:
    if witness:
        yield Evidence(f"GET {witness.url}, without a key", None, witness.without_key)
        yield Evidence(f"GET {witness.url}, with a key nobody knows", None, witness.with_unknown)
    elif site.path:
        yield Evidence(site.path)


def _remedies(
    site: RouterSite, witness: RouterWitness | None, machine: Machine | None
) -> Iterator[Remedy]:
    unit = site.unit
    if not (machine and machine.root):
        again = (invocation("check", root=True),)
        yield Remedy("Look again as root, who sees more", Safety.MANUAL, again)
    if unit is not None and not _runs(site):
        start = f"{unit.systemctl} start {shlex.quote(unit.name)}"
        yield Remedy("Start the router, and check again", Safety.UNSAFE, (start,))
    where = " where its calls are" if site.path else ""
    yield Remedy(f"Name the file of its source{where}, with --router", Safety.MANUAL)
    if site.urls:
        url = witness.url.removesuffix("/v1/models") if witness else site.urls[0]
        body = shlex.quote(json.dumps(NO_SUCH_MODEL))
        ask = f"curl -sS {url}/v1/chat/completions -H 'Content-Type: application/json' -d {body}"
        title = "Or send one request that no model serves: TabbyAPI's words of a key must not come"
        yield Remedy(title, Safety.MANUAL, (ask,))


def _causes(site: RouterSite, endpoint: Endpoint | None) -> tuple[str, ...]:
    down = endpoint is None or not endpoint.reached
    return (("API001", "API002") if down else ()) + (() if _runs(site) else ("RTR010",))
