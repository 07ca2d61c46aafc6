"""Looking and planning: which of the asked-for faults are there, and what would mend them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from tabbydoctor import plugins
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.diagnosis.finding import Safety
from tabbydoctor.diagnosis.report import CheckResult
from tabbydoctor.diagnosis.runner import run_checks
from tabbydoctor.examination import facts_of, require_something
from tabbydoctor.facts import Facts, NoFact
from tabbydoctor.fixing.request import AUTH_IDS, KEYLESS_IDS, FixRequest, Prepared, Refusal
from tabbydoctor.host import Host
from tabbydoctor.remedies import snippets
from tabbydoctor.remedies.by_finding import REMEDIES, Planner
from tabbydoctor.remedies.disable_auth import plan_disable_auth
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.router_key import plan_router_key
from tabbydoctor.repair.errors import RepairError
from tabbydoctor.tabbyapi.probes import Address
from tabbydoctor.targets import Targets

_ROUTER = tuple(id for id in AUTH_IDS if id.startswith("RTR"))


def prepare(host: Host, targets: Targets, request: FixRequest) -> Prepared:
    """Look and plan; nothing is changed. Raises NothingToExamine, RepairError."""
    return asyncio.run(_prepare(host, targets, request))


async def _prepare(host: Host, targets: Targets, request: FixRequest) -> Prepared:
    facts = facts_of(host, targets)
    draft = Draft()
    facts.provide(Draft, draft)
    facts.provide(type(request.options), request.options)
    try:
        await require_something(host, facts, targets, request.time_limit)
        results = await _look(facts, request)
        refusals = [
            refusal
            for id, planner in _chosen(request, results)
            if (refusal := await _planned(facts, draft, id, planner))
        ]
        refusals += _without_remedy(request, results)
    finally:
        await facts.close()
        await host.close()
    return Prepared(draft, draft.plan(), _present(results), tuple(refusals))


def asked_for(request: FixRequest) -> tuple[str, ...]:
    """The ids that a request is about."""
    if request.auth:
        return KEYLESS_IDS if request.options.strategy == "disable-auth" else AUTH_IDS
    if request.all_safe:
        return tuple(id for id, remedy in REMEDIES.items() if remedy.safety == Safety.SAFE)
    return request.ids


async def _look(facts: Facts, request: FixRequest) -> tuple[CheckResult, ...]:
    wanted = asked_for(request)
    checks = [check for check in plugins.checks() if check.id in wanted]
    return await run_checks(checks, facts, request.time_limit)


def _present(results: Iterable[CheckResult]) -> tuple[str, ...]:
    return tuple(one.check.id for one in results if one.status in ("failed", "warning"))


def _chosen(request: FixRequest, results: tuple[CheckResult, ...]) -> list[tuple[str, Planner]]:
    present = _present(results)
    if not request.auth:
        found = [(id, REMEDIES[id].plan) for id in present if id in REMEDIES]
        return list({planner: (id, planner) for id, planner in reversed(found)}.values())[::-1]
    if request.options.strategy == "disable-auth":
        return [("CFG004", plan_disable_auth)]
    asked = request.options.strategy is not None
    unsure = any(one.status in ("unknown", "crashed") for one in results if one.check.id in _ROUTER)
    if asked or unsure or set(present) & set(_ROUTER):
        return [("RTR001", plan_router_key)]
    return []


async def _planned(facts: Facts, draft: Draft, id: str, planner: Planner) -> Refusal | None:
    try:
        with draft.all_or_nothing():
            await facts.call(planner)
    except CannotFix as error:
        return Refusal(id, error.message, error.manual, error.loopback_would_do)
    except RepairError as error:
        return Refusal(id, error.message, error.hint)
    except NoFact as error:
        return Refusal(id, str(error), _lines_to_paste(facts) if id in _ROUTER else "")
    return None


def _lines_to_paste(facts: Facts) -> str:
    """For a router that is not known here, or is no kind that can be edited: its own lines."""
    site, address = facts.known(RouterSite), facts.known(Address)
    url = address.url if address else "http://127.0.0.1:5000"
    if site is None or site.path is None:
        return snippets.every(url)
    return snippets.snippet(site.path, "", url) if site.kind == "unknown" else ""


def _without_remedy(request: FixRequest, results: Iterable[CheckResult]) -> Iterable[Refusal]:
    """Faults that were asked for, are there, and that nothing here repairs."""
    for result in results:
        id = result.check.id
        if result.status not in ("failed", "warning"):
            continue
        if request.auth and id == "CFG004" and request.options.strategy is None:
            if not set(_present(results)) & set(_ROUTER):
                yield Refusal(id, "auth: has no effect; --strategy disable-auth means it")
        elif not request.auth and id not in REMEDIES:
            yield Refusal(id, "there is no automatic remedy", _by_hand(result))


def _by_hand(result: CheckResult) -> str:
    remedies = (remedy for finding in result.findings for remedy in finding.remedies)
    return "\n".join(
        line for remedy in remedies for line in (f"# {remedy.title}", *remedy.commands)
    )
