"""Asking the running router what TabbyAPI is: GETs alone, and one completion where asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.examination import facts_of
from tabbydoctor.examination.router_answers import COMPLETION, completion, fact, own_health
from tabbydoctor.facts import Facts
from tabbydoctor.host import Host
from tabbydoctor.remedies.outcome import SeenAnswer
from tabbydoctor.routers.announced import announced
from tabbydoctor.routers.site.health import RouterHealth
from tabbydoctor.routers.through import MEANINGS, Answerer, RouterRow, ThroughRouter
from tabbydoctor.routers.witness import (
    NO_KEY,
    PATH,
    WRONG,
    RouterWitness,
    Said,
    Verdict,
    ask_models,
)
from tabbydoctor.tabbyapi.probes import Credential, Endpoint
from tabbydoctor.targets import Targets

_SAID: dict[Said, str] = {
    "no key": "TabbyAPI got no key",
    "wrong key": "TabbyAPI got a key that it does not know",
    "accepted": "TabbyAPI took the key that came with it",
    "own": "proves nothing of the key",
}
_UNASKED = "TabbyAPI answered; it asks for no key"
_REFUSED = {NO_KEY: "RTR002", WRONG: "RTR005"}
"""TabbyAPI's words to a completion that was sent without a key -> what they prove."""
_ASKED: tuple[Credential, Credential] = ("none", "wrong")


async def ask_through_router(
    host: Host, targets: Targets, time_limit: float, *, send: bool
) -> tuple[Endpoint, ThroughRouter]:
    """Both tables. Raises Absent, Unknown where there is no router to ask, and TimeoutError."""
    facts = facts_of(host, targets)
    try:
        async with asyncio.timeout(time_limit):
            site, endpoint = await facts.get(RouterSite), await facts.get(Endpoint)
            return endpoint, await _through(facts, host, site, endpoint, send=send)
    finally:
        await facts.close()
        await host.close()


async def _through(
    facts: Facts, host: Host, site: RouterSite, endpoint: Endpoint, *, send: bool
) -> ThroughRouter:
    instance, machine = await fact(facts, Instance), await fact(facts, Machine)
    seen = await ask_models(host, site, endpoint, instance, machine)
    rows = [row async for row in _rows(facts, seen, endpoint)]
    answer: SeenAnswer | None = None
    if send:
        async with announced(host, endpoint.address.url):
            answer = await completion(facts, host)
    if answer:
        rows.append(_row(f"POST {COMPLETION}", answer, _of_request(answer, endpoint)))
    verdict, means, finding = _follows(seen, endpoint, answer)
    unsent = "the router's port is not known" if send and answer is None else ""
    base = seen.url.removesuffix(PATH)
    return ThroughRouter(base, tuple(rows), verdict, means, finding, unsent)


async def _rows(facts: Facts, seen: RouterWitness, endpoint: Endpoint) -> AsyncIterator[RouterRow]:
    # Without authentication there are no words of TabbyAPI's to tell its answers by.
    others: Answerer = "unknown" if endpoint.enforces_auth is False else "the router itself"
    for credential, status, said in zip(_ASKED, seen.statuses, seen.said, strict=True):
        by = "unknown" if status is None else others if said == "own" else "TabbyAPI"
        means = _SAID[said] if status is not None else "no answer"
        means = _UNASKED if said == "accepted" and endpoint.enforces_auth is False else means
        yield RouterRow(f"GET {PATH}", credential, status, by, means)
    health, path = await own_health(facts), await fact(facts, RouterHealth)
    if health and path:
        means = health.said or "its own health: proves nothing of the key"
        yield _row(f"GET {path.path}", health, means)


def _row(request: str, answer: SeenAnswer, means: str) -> RouterRow:
    by: Answerer = "unknown" if answer.by == "nobody" else answer.by
    return RouterRow(request, "none", answer.status, by, means)


def _of_request(answer: SeenAnswer, endpoint: Endpoint) -> str:
    if answer.status is None:
        return f"no answer: {answer.said}" if answer.said else "no answer"
    if answer.auth_error:
        return f"TabbyAPI refused it: {answer.said}"
    if answer.accepted and endpoint.enforces_auth is False:
        return f"{_UNASKED}: {answer.said}"
    if answer.accepted:
        return f"TabbyAPI took the key that came with it: {answer.said}"
    return "proves nothing of the key" + (f": {answer.error}" if answer.error else "")


def _follows(
    seen: RouterWitness, endpoint: Endpoint, answer: SeenAnswer | None
) -> tuple[Verdict, str, str]:
    """What all answers mean together, and the id of what they prove."""
    if not endpoint.reached or endpoint.identity != "tabbyapi":
        return "nothing", "TabbyAPI was not seen to answer: nothing follows about the router", ""
    if endpoint.enforces_auth is False:
        return "nothing", "TabbyAPI asks for no key: nothing follows about the router's", ""
    means, finding = MEANINGS[seen.verdict]
    if finding or answer is None or not (answer.auth_error or answer.accepted):
        return seen.verdict, seen.why or means, finding
    if answer.accepted:
        return (
            seen.verdict,
            "a completion without a key is sent on with one that TabbyAPI takes",
            "",
        )
    proven = next((id for words, id in _REFUSED.items() if words in answer.said), "")
    return seen.verdict, f"a completion through it is refused by TabbyAPI: {answer.said}", proven
