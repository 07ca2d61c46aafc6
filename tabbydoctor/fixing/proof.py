"""Seeing that a repair works: the checks again, the router's probe, and one request through it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import TypeVar

from tabbydoctor import plugins
from tabbydoctor.deployment.parts import Instance, RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.diagnosis.runner import run_checks
from tabbydoctor.examination import facts_of
from tabbydoctor.facts import Facts, NoFact
from tabbydoctor.fixing.prepare import asked_for, present
from tabbydoctor.fixing.request import ROUTER_IDS, FixRequest, Prepared, Proof
from tabbydoctor.host import Host, HttpAnswer
from tabbydoctor.repair import interrupts
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.site_health import RouterHealth
from tabbydoctor.tabbyapi.answers import detail
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.targets import Targets

T = TypeVar("T")
Progress = Callable[[str], None]
NOBODY = "tabbydoctor-no-such-model"
"""A model that nobody serves: a request for it loads nothing and switches nothing."""
_REQUEST = {"model": NOBODY, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
_ROUTER_READY = 60.0
"""Seconds a router may take to come up and find its backend ready, `--ready-timeout` at most."""
_PAUSE = 0.3
_STARTS = 3
"""Starts by systemd itself after which a unit is taken not to come up."""


def prove(
    host: Callable[[], Host],
    targets: Targets,
    request: FixRequest,
    prepared: Prepared,
    progress: Progress,
) -> Proof:
    """Look at the running deployment. `host` makes a fresh one for each look."""
    return interrupts.run(_Proving(host, targets, request, prepared, progress).prove())


class _Proving:
    """One proof. Facts are gathered anew at each look: what was true before the repair is not."""

    def __init__(
        self,
        host: Callable[[], Host],
        targets: Targets,
        request: FixRequest,
        prepared: Prepared,
        progress: Progress,
    ) -> None:
        self._host = host
        self._targets = targets
        self._request = request
        self._progress = progress
        actions = prepared.plan.actions
        self._restarted = {action.target for action in actions if action.kind == "restart"}
        self._answered = prepared.answered
        self._seen: list[str] = []

    async def prove(self) -> Proof:
        live = self._request.restart
        if live and (self._request.auth or self._restarted):
            await self._await("TabbyAPI to answer", self._request.ready_timeout, self._answers)
            if self._through_router:
                limit = min(_ROUTER_READY, self._request.ready_timeout)
                await self._await("the router to find TabbyAPI ready", limit, _router_ready)
        facts, host = self._facts()
        try:
            remaining, failed = await self._remaining(facts)
            # A TabbyAPI that was not restarted still asks for keys: that disproves nothing.
            told = self._by_router or self._restarted_tabby(facts)
            verdicts = [not (failed and told), await self._server(facts)]
            if self._through_router:
                verdicts.append(await self._router(facts, host, live))
        finally:
            await facts.close()
            await host.close()
        if False in verdicts:
            verified: bool | None = False
        else:
            needs_restart = self._request.auth or self._restarted
            verified = None if None in verdicts or (needs_restart and not live) else True
        return Proof(verified, remaining, tuple(self._seen))

    @property
    def _by_router(self) -> bool:
        return self._request.options.strategy != "disable-auth"

    @property
    def _through_router(self) -> bool:
        """Whether requests through the router are to work now."""
        if self._request.auth:
            return self._by_router
        return bool({*self._request.ids} & {*ROUTER_IDS})

    def _facts(self) -> tuple[Facts, Host]:
        host = self._host()
        return facts_of(host, self._targets), host

    async def _await(self, what: str, limit: float, done: Callable[[Facts], object]) -> None:
        """Look again and again until it is so, its unit has given up, or the time is over."""
        started = time.monotonic()
        while (waited := time.monotonic() - started) < limit:
            facts, host = self._facts()
            try:
                state = await done(facts)  # type: ignore[misc]
            finally:
                await facts.close()
                await host.close()
            if state is not None:
                break
            self._progress(f"waiting for {what} ({waited:.0f} s)")
            await asyncio.sleep(_PAUSE)
        self._progress("")

    async def _answers(self, facts: Facts) -> bool | None:
        """True once TabbyAPI answers; False where none waits for it; None: wait on."""
        if await self._up(facts):
            return True
        one = await fact(facts, Instance)
        if one is None or one.unit is None or one.unit.name not in self._restarted:
            return False
        return None if _may_come_up(one.unit) else False

    async def _up(self, facts: Facts) -> bool:
        endpoint = await fact(facts, Endpoint)
        return endpoint is not None and endpoint.reached

    async def _remaining(self, facts: Facts) -> tuple[tuple[str, ...], bool]:
        """The asked-for findings that are still there, and whether an error is among them."""
        wanted = asked_for(self._request)
        checks = [check for check in plugins.checks() if check.id in wanted]
        results = await run_checks(checks, facts, self._request.time_limit)
        left = present(self._request, results)
        for id in left:
            self._seen.append(f"{id} is still there")
        return left, any(one.status == "failed" for one in results)

    async def _server(self, facts: Facts) -> bool | None:
        """TabbyAPI answers, and asks for a key or not as it is meant to."""
        endpoint = await fact(facts, Endpoint)
        if not self._request.auth and not self._restarted:
            return True  # nothing that runs was touched: the checks alone tell
        if endpoint is None or not endpoint.reached:
            self._seen.append("TabbyAPI does not answer")
            # No repair is worse for a TabbyAPI that was down before; but auth stays on unless it
            # is seen to be off.
            return False if self._answered or not self._by_router else None
        if not self._request.auth or self._by_router:
            return True
        if not self._restarted_tabby(facts):
            config = await fact(facts, EffectiveConfig)
            return None if config and config.auth_disabled else False
        accepted = endpoint.enforces_auth is False
        self._seen.append(f"a request without a key is {'accepted' if accepted else 'refused'}")
        return accepted

    def _restarted_tabby(self, facts: Facts) -> bool:
        one = facts.known(Instance)
        restarted = bool(one and one.unit and one.unit.name in self._restarted)
        return restarted and self._request.restart

    async def _router(self, facts: Facts, host: Host, live: bool) -> bool | None:
        """The router's probe, and one request through it that must end in no auth error."""
        site = await fact(facts, RouterSite)
        reading = await fact(facts, RouterReading)
        if reading is None or any(call.sends_key is False for call in reading.of("forward")):
            self._seen.append("a forwarded request still carries no key")
            return False
        if not live or site is None or site.unit is None:
            return None
        health = await fact(facts, RouterHealth)
        if health is None or health.answer.status is None:
            self._seen.append("the router does not answer")
            return False
        if health.tabbyapi is False:
            if not await self._up(facts):
                return None  # it is right
            self._seen.append("the router still reports TabbyAPI down")
            return False
        return await self._forwarded(host, health.url)

    async def _forwarded(self, host: Host, url: str) -> bool | None:
        answer = await host.get(
            f"{url}/v1/chat/completions",
            {"Content-Type": "application/json"},
            method="POST",
            body=json.dumps(_REQUEST).encode(),
            timeout=30.0,
        )
        if answer.status is None:
            self._seen.append(f"a request through the router: {answer.error}")
            return None
        refused = is_auth_error(answer)
        self._seen.append(
            f"a request through the router ends in {answer.status}"
            + (f": {detail(answer)}" if refused else ", no auth error")
        )
        return not refused


async def fact(facts: Facts, kind: type[T]) -> T | None:
    """A fact, or None where it cannot be had."""
    try:
        return await facts.get(kind)
    except NoFact:
        return None


def _may_come_up(unit: Unit) -> bool:
    """Whether waiting for it can help: not once systemd gave it up, or starts it in vain.

    A restart by hand counts from 0 (`NRestarts`, systemd.service(5)).
    """
    restarts = unit.number("NRestarts") or 0
    return unit.get("ActiveState") not in ("failed", "inactive") and restarts < _STARTS


async def _router_ready(facts: Facts) -> bool | None:
    endpoint = await fact(facts, Endpoint)
    if endpoint is None or not endpoint.reached:
        return False  # no router can find it ready
    site = await fact(facts, RouterSite)
    if site is None or site.unit is None or not _may_come_up(site.unit):
        return False
    health = await fact(facts, RouterHealth)
    if health is None or health.answer.status is None:
        return None
    return None if health.tabbyapi is False else True


def is_auth_error(answer: HttpAnswer) -> bool:
    """Whether TabbyAPI refused the key (a router may have keys of its own, which prove nothing)."""
    text = answer.body.decode("utf-8", "replace")
    words = ("Please provide an API key", "Invalid API key", "Please provide an admin key")
    return answer.status in (401, 403) and any(word in text for word in words)
