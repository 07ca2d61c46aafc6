"""What is seen of a running router: its own health, one request through it, and who answered."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import TypeVar
from urllib.parse import urlsplit

from tabbydoctor.deployment.parts import ProcessTable, RouterSite
from tabbydoctor.facts import Facts, NoFact
from tabbydoctor.host import Host
from tabbydoctor.remedies.outcome import AUTH_ERRORS, SeenAnswer, Witness
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.site.health import RouterHealth, own_url
from tabbydoctor.tabbyapi.answers import NO_MODEL, document, model_name
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.log_reading import run_log
from tabbydoctor.tabbyapi.probes import Endpoint

T = TypeVar("T")
NOBODY = "tabbydoctor-no-such-model"
"""A model that nobody serves: a request for it loads nothing and switches nothing."""
_REQUEST = {"model": NOBODY, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
COMPLETION = "/v1/chat/completions"
_INLINE = "because an admin key isn't provided"
"""TabbyAPI knows the key, and does not switch models for it (inline model loading)."""
_TABBYS = (*AUTH_ERRORS, NO_MODEL, _INLINE)
_ACCESS = re.compile(r'"POST /v1/(?:chat/)?completions HTTP/1\.\d" (\d{3})')
_EXCEPTION = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Timeout)(?:: .*)?\Z")
"""The last line of a traceback."""
_BEFORE_THE_KEY = (404, 405, 413, 422)
"""What TabbyAPI answers before it looks at a key: 422 to a body that is no JSON (seen of a real
one: a field that is missing is told after the key, but its log does not say which it was)."""
_CLOCKS = 0.05
"""Seconds by which a line's time may be before the request that it is about."""
_LOOKS, _PAUSE = 4, 0.2
_SHOWN = 100
UP = "TabbyAPI is up"


async def witness(facts: Facts, host: Host) -> Witness:
    """Ask the running router. Its health is left alone where asking would cost a completion."""
    place = await _place(facts)
    if place is None:
        return Witness()
    return Witness(await own_health(facts), await _request(facts, host, *place))


async def completion(facts: Facts, host: Host) -> SeenAnswer | None:
    """Post the one request that no model serves; None where the router's port is not known."""
    place = await _place(facts)
    return await _request(facts, host, *place) if place else None


async def own_health(facts: Facts) -> SeenAnswer | None:
    """What the router says of itself; None where asking could cost a completion."""
    health = await fact(facts, RouterHealth)
    return _probe(health) if health and health.url else None


async def _place(facts: Facts) -> tuple[str, dict[str, str]] | None:
    """Where a completion is asked for, and the headers that it takes there."""
    site, table = await fact(facts, RouterSite), await fact(facts, ProcessTable)
    url = own_url(site, table) if site and table else None
    if site is None or url is None:
        return None
    return _asked(site, await fact(facts, RouterReading)) or (f"{url}{COMPLETION}", {})


def _asked(site: RouterSite, reading: RouterReading | None) -> tuple[str, dict[str, str]] | None:
    """Where a gateway is asked for a completion of TabbyAPI's, and the header that names its site;
    None for what is asked at its only address by the usual path."""
    for call in reading.of("forward") if reading else ():
        place = urlsplit(call.asked)
        base = next((url for url in site.urls if url.endswith(f":{place.port}")), None)
        if base and place.path.endswith("completions"):
            port = "" if place.port == 80 else f":{place.port}"
            named = {"Host": f"{place.hostname}{port}"} if place.hostname else {}
            return f"{base}{place.path}", named
    return None


def _probe(health: RouterHealth) -> SeenAnswer:
    states = {True: UP, False: "TabbyAPI is down", None: ""}
    answer = health.answer
    if answer.status is None:
        return SeenAnswer(None, said=answer.error or "")
    handed_on = {"status", "issues"} <= set(document(answer))  # as TabbyAPI's own /health
    return SeenAnswer(
        answer.status,
        "TabbyAPI" if handed_on else "the router itself",
        states[health.tabbyapi],
    )


async def _request(facts: Facts, host: Host, url: str, named: dict[str, str]) -> SeenAnswer:
    endpoint = await fact(facts, Endpoint)
    asked_at = time.time()
    answer = await host.get(
        url,
        {"Content-Type": "application/json", **named},
        method="POST",
        body=json.dumps(_REQUEST).encode(),
        timeout=30.0,
    )
    if answer.status is None:
        return SeenAnswer(None, said=answer.error or "")
    text = answer.body.decode("utf-8", "replace")
    told = next((word for word in _TABBYS if word in text), "")
    if told or _completed(text, endpoint):
        return SeenAnswer(answer.status, "TabbyAPI", told or "a completion")
    logged = await _logged(facts, asked_at)
    if logged and await _is_plain(facts, logged):
        said = f"its log has {logged} for it"
        return SeenAnswer(answer.status, "TabbyAPI", said, keyed=logged not in _BEFORE_THE_KEY)
    error = await _own_error(facts, host, asked_at)
    return SeenAnswer(answer.status, "the router itself", _excerpt(text), error)


async def _own_error(facts: Facts, host: Host, since: float) -> str:
    """The last exception in the journal of the router's unit since a time; empty without one."""
    site = await fact(facts, RouterSite)
    if site is None or site.unit is None or site.unit.user_manager:
        return ""
    command = ["journalctl", "--unit", site.unit.name, "--since", f"@{since:.3f}"]
    result = host.run([*command, "--output", "cat", "--no-pager", "--lines", "400"], timeout=5.0)
    found = [line.strip() for line in result.stdout.splitlines() if _EXCEPTION.match(line.strip())]
    return _excerpt(found[-1]) if found else ""


async def _logged(facts: Facts, since: float) -> int | None:
    """The status of the one completion in TabbyAPI's log since then (it logs each request)."""
    for _ in range(_LOOKS):
        try:
            log: RunLog = await facts.call(run_log)
        except NoFact:
            return None
        recent = [line.text for line in log.lines if line.time >= since - _CLOCKS]
        found = {int(each[1]) for text in recent if (each := _ACCESS.search(text))}
        if found:
            return found.pop() if len(found) == 1 else None
        await asyncio.sleep(_PAUSE)  # the journal is a moment behind
    return None


async def _is_plain(facts: Facts, status: int) -> bool:
    """Whether a status tells of the key: under inline loading 401 may be of the model's name."""
    config = await fact(facts, EffectiveConfig)
    return status != 401 or not (config and config.value("model", "inline_model_loading"))


def _completed(text: str, endpoint: Endpoint | None) -> bool:
    """Whether it is a completion of the model that TabbyAPI has loaded."""
    loaded = model_name(endpoint.answer("/v1/model", "api_key")) if endpoint else ""
    return bool(loaded) and '"chat.completion' in text and json.dumps(loaded) in text


def _excerpt(text: str) -> str:
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"


async def fact(facts: Facts, kind: type[T]) -> T | None:
    """A fact, or None where it cannot be had."""
    try:
        return await facts.get(kind)
    except NoFact:
        return None
