"""Seeing that a repair works: the checks again, the router's probe, and one request through it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tabbydoctor.deployment.parts import Instance, RouterSite
from tabbydoctor.diagnosis.check import AUTH
from tabbydoctor.diagnosis.runner import run_checks
from tabbydoctor.examination import facts_of
from tabbydoctor.examination.router_answers import UP, fact, witness
from tabbydoctor.facts import Facts
from tabbydoctor.fixing.chosen import ROUTER, asked_for, of_router_key, present
from tabbydoctor.fixing.router_ready import router_answers, router_ready
from tabbydoctor.fixing.serving import PAUSE, Progress, still_starts
from tabbydoctor.fixing.standing import FaultsStanding, standing, worse
from tabbydoctor.host import Host
from tabbydoctor.remedies.outcome import UNSEEN, Prepared, Proof, SeenAnswer, Witness
from tabbydoctor.remedies.request import FixRequest
from tabbydoctor.repair import interrupts
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.judged import RouterJudgement
from tabbydoctor.routers.probes import hopeless
from tabbydoctor.routers.reach import RouterReach
from tabbydoctor.routers.refusals import RouterRefusals
from tabbydoctor.routers.site.health import RouterHealth
from tabbydoctor.routers.staleness import RouterStaleness
from tabbydoctor.tabbyapi.answers import accepted, keyed
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.targets import Targets

_ROUTER_READY = 60.0
"""Seconds a router may take to come up and find its backend ready, `--ready-timeout` at most."""

_RELOADED = 20.0
"""Seconds in which a reload may come to count."""


def prove(
    host: Callable[[], Host],
    targets: Targets,
    request: FixRequest,
    prepared: Prepared,
    progress: Progress,
    before: Witness = UNSEEN,
    stood: FaultsStanding | None = None,
) -> Proof:
    """Look at the running deployment. `host` makes a fresh one for each look.

    `before` is what the router answered before anything was done, and `stood` what was found then.
    """
    proving = _Proving(host, targets, request, prepared, progress, before, stood)
    return interrupts.run(proving.prove())


def stands(
    host: Callable[[], Host], targets: Targets, request: FixRequest
) -> FaultsStanding | None:
    """What is found now, where the repair of single findings is asked for; nothing is changed."""
    return None if request.auth else interrupts.run(_stands(host(), targets, request))


async def _stands(host: Host, targets: Targets, request: FixRequest) -> FaultsStanding:
    facts = facts_of(host, targets)
    try:
        return await standing(facts, request.time_limit)
    finally:
        await facts.close()
        await host.close()


def look(host: Callable[[], Host], targets: Targets, request: FixRequest) -> Witness:
    """What the router answers now, where a repair of it is asked for; nothing is changed."""
    return interrupts.run(_look(host(), targets)) if through_router(request) else UNSEEN


async def _look(host: Host, targets: Targets) -> Witness:
    facts = facts_of(host, targets)
    try:
        return await witness(facts, host)
    finally:
        await facts.close()
        await host.close()


def through_router(request: FixRequest) -> bool:
    """Whether requests through the router are to work when it is done."""
    if request.auth:
        return request.strategy != "disable-auth"
    if request.all_safe:
        return False
    return any(AUTH in one.tags and one.category == ROUTER for one in asked_for(request))


class _Proving:
    """One proof. Facts are gathered anew at each look: what was true before the repair is not."""

    def __init__(
        self,
        host: Callable[[], Host],
        targets: Targets,
        request: FixRequest,
        prepared: Prepared,
        progress: Progress,
        before: Witness = UNSEEN,
        stood: FaultsStanding | None = None,
    ) -> None:
        self._host = host
        self._targets = targets
        self._request = request
        self._progress = progress
        actions = prepared.plan.actions
        self._restarted = {action.target for action in actions if action.kind == "restart"}
        self._reloads = any(action.kind == "reload" for action in actions)
        self._answered = prepared.answered
        self._present = prepared.present
        self._before = before
        self._stood = stood
        self._after = UNSEEN
        self._seen: list[str] = []
        self._unproven: list[str] = []
        self._unjudged: dict[str, str] = {}

    async def prove(self) -> Proof:
        live = self._request.restart
        if live and (self._request.auth or self._restarted):
            await self._await("TabbyAPI to answer", self._request.ready_timeout, self._answers)
            if through_router(self._request):
                limit = min(_ROUTER_READY, self._request.ready_timeout)
                told = self._before.probe is not None and self._before.probe.status is not None
                if told:
                    await self._await("the router to find TabbyAPI ready", limit, router_ready)
                else:  # it tells nobody of its health
                    await self._await("the router to answer", limit, router_answers)
        if live and self._reloads:
            await self._await("the router to take its files anew", _RELOADED, self._takes_key)
        facts, host = self._facts()
        try:
            remaining, failed = await self._remaining(facts)
            # A TabbyAPI that was not restarted still asks for keys: that disproves nothing.
            told = self._by_router or self._restarted_tabby(facts)
            verdicts = [not (failed and told), await self._server(facts)]
            verdicts.append(await self._no_worse(live))
            if through_router(self._request):
                verdicts.append(await self._router(facts, host, live))
        finally:
            await facts.close()
            await host.close()
        unjudged = [f"{id} could not be judged: {why}" for id, why in self._unjudged.items()]
        if not live and (self._request.auth or self._restarted):
            verdicts.append(None)
        if self._unjudged:
            verdicts.append(None)
        verified = False if False in verdicts else None if None in verdicts else True
        return Proof(
            verified,
            tuple(
                dict.fromkeys((*remaining, *(id for id in self._unjudged if id in self._present)))
            ),
            tuple(self._seen),
            (*self._unproven, *unjudged) if verified is None else (),
            self._before,
            self._after,
        )

    @property
    def _by_router(self) -> bool:
        return self._request.strategy != "disable-auth"

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
            await asyncio.sleep(PAUSE)
        self._progress("")

    async def _answers(self, facts: Facts) -> bool | None:
        """True once TabbyAPI answers; False where none waits for it; None: wait on."""
        return True if await self._up(facts) else await still_starts(facts, self._restarted)

    async def _takes_key(self, facts: Facts) -> bool | None:
        """True once no request ends in an auth error: the workers of before serve on a moment, and
        a connection of theirs is kept a while."""
        host = facts.known(Host)  # type: ignore[type-abstract]
        seen = await witness(facts, host) if host else UNSEEN
        refusals = await fact(facts, RouterRefusals)
        refused = seen.request is not None and seen.request.auth_error
        return None if refused or (refusals and refusals.found) else True

    async def _up(self, facts: Facts) -> bool:
        endpoint = await fact(facts, Endpoint)
        return endpoint is not None and endpoint.reached

    async def _remaining(self, facts: Facts) -> tuple[tuple[str, ...], bool]:
        """The asked-for findings that are still there, and whether an error is among them.

        One that was there and cannot be judged any more is not gone, unless it is seen live.
        """
        checks = asked_for(self._request)
        results = await run_checks(checks, facts, self._request.time_limit)
        left = present(self._request, results)
        for id in left:
            self._seen.append(f"{id} is still there")
        for one in results:
            if one.status in ("unknown", "crashed") and self._matters(one.check.id):
                self._unjudged[one.check.id] = one.reason or one.status
        blocking = [one.check.id for one in results if one.status == "failed"]
        return left, bool({*blocking} & {*left} - {*self._without_effect})

    def _matters(self, id: str) -> bool:
        """Whether a finding has to be seen gone: it was there, or is what the repair is about."""
        return id in self._present or (self._request.auth and id in of_router_key(self._request))

    @property
    def _without_effect(self) -> tuple[str, ...]:
        """What disproves no repair: a section that does nothing, a restart that is left to do."""
        return ("CFG004", "RTR015") if self._request.auth and self._by_router else ("RTR015",)

    async def _server(self, facts: Facts) -> bool | None:
        """TabbyAPI answers, and asks for a key or not as it is meant to."""
        endpoint = await fact(facts, Endpoint)
        if not self._request.auth and not self._restarted:
            return True  # nothing that runs was touched: the checks alone tell
        if endpoint is None or not endpoint.reached:
            self._seen.append("TabbyAPI does not answer")
            self._doubt("TabbyAPI does not answer: no request was seen to be accepted")
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

    async def _no_worse(self, live: bool) -> bool:
        """Whether nothing else appeared. What a restart brings may pass, and is waited for."""
        found: tuple[str, ...] = ()

        async def stands(facts: Facts) -> bool | None:
            nonlocal found
            if self._stood is not None:
                now = await standing(facts, self._request.time_limit)
                asked = {one.id for one in asked_for(self._request)}
                found = tuple(worse(self._stood, now, asked, answered=self._answered, live=live))
            return None if found and self._restarted and live else True

        limit = min(_ROUTER_READY, self._request.ready_timeout)
        await self._await("what the restart brought to pass", limit, stands)
        self._seen += found
        return not found

    def _restarted_tabby(self, facts: Facts) -> bool:
        one = facts.known(Instance)
        restarted = bool(one and one.unit and one.unit.name in self._restarted)
        return restarted and self._request.restart

    async def _router(self, facts: Facts, host: Host, live: bool) -> bool | None:
        """The router's probe, and one request through it that must end in no auth error."""
        site = await fact(facts, RouterSite)
        reading = await fact(facts, RouterReading)
        if reading and any(call.sends_key is False for call in reading.of("forward")):
            self._seen.append("a forwarded request still carries no key")
            return False
        if not live or site is None or (site.unit is None and site.process is None):
            return self._doubt("the router was not restarted: nothing was sent through it")
        if site.unit is None:
            return self._doubt(
                "the running router is as it was: no unit of its is known to restart"
            )
        self._after = await witness(facts, host)
        probed = await self._probed(facts, reading)
        verdicts = [probed, await self._forwarded(facts, self._after.request)]
        self._judged_live(*verdicts)
        return False if False in verdicts else None if None in verdicts else True

    async def _probed(self, facts: Facts, reading: RouterReading | None) -> bool | None:
        """What the router's own health says; one that tells nothing is no proof against it."""
        health = await fact(facts, RouterHealth)
        if health is not None and health.answer.status is None:
            self._seen.append("the router does not answer")
            return False
        if health is None or health.tabbyapi is not False:
            return True
        if not await self._up(facts):
            return self._doubt("TabbyAPI is down: what the router asks it was not seen to work")
        if reading and any(hopeless(call) for call in reading.of("probe")):
            return self._doubt("the router's health check cannot turn healthy, whatever key it has")
        self._seen.append("the router still reports TabbyAPI down")
        return False

    async def _forwarded(self, facts: Facts, request: SeenAnswer | None) -> bool | None:
        if request is None:
            return self._doubt("the router's port is not known: nothing was sent through it")
        if request.status is None:
            return self._doubt(f"a request through the router got {request}")
        if request.auth_error:
            self._seen.append(f"a request through the router ends in {request}")
            return False
        if request.accepted:
            return True
        if request.by == "TabbyAPI":
            return self._doubt(
                f"TabbyAPI answered a request through the router before it looked at the key: "
                f"{request}"
            )
        if request.error:
            return self._doubt(f"the router ends a request by an error of its own: {request.error}")
        if await self._by_its_parts(facts):
            self._seen.append(
                "the router answers a model that nobody serves by itself; but it finds TabbyAPI "
                "up, runs as its source was read, to the end, may open the key that each of its "
                "calls sends, and TabbyAPI accepts that key"
            )
            return True
        return self._doubt(
            "the router answered a request for a model that nobody serves by itself "
            f"({request.status}): that its requests carry the key was not seen"
        )

    async def _by_its_parts(self, facts: Facts) -> bool:
        """Whether all that a request depends on was seen, each for itself."""
        judgement, reach = await fact(facts, RouterJudgement), await fact(facts, RouterReach)
        staleness, endpoint = await fact(facts, RouterStaleness), await fact(facts, Endpoint)
        if judgement is None or reach is None or staleness is None or endpoint is None:
            return False
        up = self._after.probe is not None and self._after.probe.said == UP
        reached = not (reach.denied or reach.unsendable or staleness.newer)
        return up and reached and judgement.proven and bool(accepted(keyed(endpoint, "api_key")))

    def _judged_live(self, probed: bool | None, forwarded: bool | None) -> None:
        """What is seen to work needs no reading."""
        if forwarded:
            for id in ("RTR002", "RTR005"):
                self._unjudged.pop(id, None)
        found_up = self._after.probe is not None and self._after.probe.said == UP
        # No probe was found before either, and none is in the way of requests.
        never_seen = bool(forwarded) and "RTR001" not in self._present
        if probed and (found_up or never_seen):
            self._unjudged.pop("RTR001", None)

    def _doubt(self, why: str) -> bool | None:
        """Note what cannot be proven, and why."""
        self._unproven.append(why)
        return None
