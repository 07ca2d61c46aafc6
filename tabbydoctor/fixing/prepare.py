"""Looking and planning: which of the asked-for faults are there, and what would mend them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from tabbydoctor import plugins
from tabbydoctor.deployment.parts import Instance, RouterSite
from tabbydoctor.deployment.reader import reader
from tabbydoctor.diagnosis.finding import Safety
from tabbydoctor.diagnosis.hands import Hands
from tabbydoctor.diagnosis.report import CheckResult
from tabbydoctor.diagnosis.runner import WHOLE_RUN, run_checks
from tabbydoctor.examination import facts_of, require_something
from tabbydoctor.examination.word import by_word
from tabbydoctor.facts import Facts, NoFact
from tabbydoctor.fixing.request import (
    AUTH_IDS,
    KEYLESS_IDS,
    ROUTER_IDS,
    SEEN_LIVE,
    FixRequest,
    Prepared,
    Refusal,
)
from tabbydoctor.host import Host
from tabbydoctor.invocation import invocation
from tabbydoctor.nixos.by_rebuild import to_paste
from tabbydoctor.remedies import snippets
from tabbydoctor.remedies.by_finding import REMEDIES, Planner
from tabbydoctor.remedies.config_keys import remove_auth_section
from tabbydoctor.remedies.disable_auth import plan_disable_auth
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.router_key import plan_router_key, restart_stale
from tabbydoctor.repair import interrupts
from tabbydoctor.repair.changes import EarlierChange
from tabbydoctor.repair.errors import RepairError
from tabbydoctor.routers.inputs import RouterInputs
from tabbydoctor.routers.judged import RouterJudgement
from tabbydoctor.routers.marked_block import marked_block
from tabbydoctor.routers.staleness import RouterStaleness
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Address, Endpoint
from tabbydoctor.tabbyapi.token_paths import TokenPaths
from tabbydoctor.targets import Targets
from tabbydoctor.threads import await_nobody

_IN_PART = ("RTR009",)
"""Fired by a fault that is repaired here, and by a matter of order that is left to a person (a
variable that is set and unused): the finding's own remedy tells which."""


def prepare(
    host: Host, targets: Targets, request: FixRequest, earlier: tuple[EarlierChange, ...] = ()
) -> Prepared:
    """Look and plan; nothing is changed. `earlier` are the changes that are in force.

    Raises NothingToExamine, RepairError.
    """
    return interrupts.run(_prepare(host, targets, request, earlier))


async def _prepare(
    host: Host, targets: Targets, request: FixRequest, earlier: tuple[EarlierChange, ...]
) -> Prepared:
    facts = facts_of(host, targets)
    draft = Draft(earlier=earlier)
    facts.provide(Draft, draft)
    facts.provide(type(request.options), request.options)
    try:
        await _require_something(host, facts, targets, request)
        results = await _look(facts, request)
        _introduce(draft, facts, host)
        hands = Hands(host, by_word(facts))
        refusals: list[Refusal] = []
        for id, planner in _chosen(request, results, await _outdated(facts)):
            if id == "CFG004" and refusals and request.auth:
                continue  # by itself it would cure nobody's 401
            refusal = await _planned(request, facts, draft, id, planner)
            refusals += [refusal] if refusal else []
        refusals += _without_remedy(request, results)
        return Prepared(
            draft,
            draft.plan(),
            present(request, results),
            tuple(replace(one, manual=hands.lines(one.manual)) for one in refusals),
            tuple(_not_here(request, results)),
            await _answers(facts),
            request.restart,
            await _runs_as_it_is(facts, request),
            await _unproven(facts, request, results),
        )
    finally:
        await facts.close()
        await host.close()


async def _outdated(facts: Facts) -> bool:
    """Whether the router was wired by an older version, which let callers' keys stay."""
    try:
        inputs = await facts.get(RouterInputs)
    except NoFact:
        return False
    blocks = map(marked_block, inputs.sources.values())
    return any(block is not None and block.outdated for block in blocks)


async def _runs_as_it_is(facts: Facts, request: FixRequest) -> bool:
    """Whether a router runs that its files tell of: what it answers tells about them."""
    if not request.auth or request.options.strategy == "disable-auth" or not request.restart:
        return False
    try:
        return not (await facts.get(RouterStaleness)).newer
    except NoFact:
        return False


async def _unproven(facts: Facts, request: FixRequest, results: Iterable[CheckResult]) -> str:
    """What is needed to know that a router's requests carry the key; empty where that is known.

    Without a router there is none that could lack it, and where no key is asked for none does.
    """
    if not request.auth or request.options.strategy == "disable-auth":
        return ""
    about = [one for one in results if one.check.id in (*SEEN_LIVE, "RTR009")]
    unsure = [one for one in about if one.status in ("unknown", "crashed")]
    try:
        judgement = await facts.get(RouterJudgement)
    except NoFact:
        return ""
    asked = any(one.status not in ("skipped",) for one in about)
    if judgement.proven and not unsure:
        return ""
    if judgement.needed and (asked or not unsure) and await _key_asked(facts):
        return judgement.needed
    return f"{unsure[0].check.id} could not be judged: {unsure[0].reason}" if unsure else ""


async def _key_asked(facts: Facts) -> bool:
    """Whether TabbyAPI asks for a key, as far as it is known."""
    try:
        config = await facts.get(EffectiveConfig)
    except NoFact:
        return True
    return not config.auth_disabled


def _introduce(draft: Draft, facts: Facts, host: Host) -> None:
    """Tell the draft whose deployment it is about, and which files were judged."""
    parts = [part for part in (facts.known(Instance), facts.known(RouterSite)) if part]
    draft.readers = tuple(account for part in parts if (account := reader(host, part)))
    draft.by_word = by_word(facts)
    paths = facts.known(TokenPaths)
    if paths and paths.file:
        draft.judged[paths.file.leaf.path] = paths.file.leaf


async def _require_something(
    host: Host, facts: Facts, targets: Targets, request: FixRequest
) -> None:
    """Raises NothingToExamine, RepairError where that cannot be told in time."""
    try:
        until = await_nobody().time() + WHOLE_RUN * request.time_limit
        await require_something(host, facts, targets, until)
    except TimeoutError as error:
        raise RepairError("the deployment could not be looked at in time") from error


async def _answers(facts: Facts) -> bool:
    try:
        return (await facts.get(Endpoint)).reached
    except NoFact:
        return False


def _not_here(request: FixRequest, results: Iterable[CheckResult]) -> Iterable[str]:
    """The ids that were named and have no fault, with why: nothing that was asked for is passed
    over in silence."""
    found = {one.check.id: one for one in results}
    for one in (found[id] for id in dict.fromkeys(request.ids)):
        if one.status not in ("failed", "warning"):
            why = {"passed": "there is no such fault", "info": "it is only a remark"}
            yield f"{one.check.id}: {why.get(one.status) or f'{one.status}: {one.reason}'}"


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


def present(request: FixRequest, results: Iterable[CheckResult]) -> tuple[str, ...]:
    """The asked-for faults that are there. Only who names a check by its id asks for order, too."""
    found = (one for one in results if one.status in ("failed", "warning"))
    return tuple(one.check.id for one in found if request.ids or _repairable(one))


def _repairable(result: CheckResult) -> bool:
    offered = (remedy for finding in result.findings for remedy in finding.remedies)
    return result.check.id not in _IN_PART or any(one.safety is Safety.SAFE for one in offered)


def _chosen(
    request: FixRequest, results: tuple[CheckResult, ...], outdated: bool
) -> list[tuple[str, Planner]]:
    there = present(request, filter(_repairable, results))
    if not request.auth:
        found = [(id, REMEDIES[id].plan) for id in there if id in REMEDIES]
        return list({planner: (id, planner) for id, planner in reversed(found)}.values())[::-1]
    if request.options.strategy == "disable-auth":
        # Asked for by its own name, whatever findings there are.
        return [("disable-auth", plan_disable_auth)]
    asked = request.options.strategy is not None or request.options.throughout
    about = [one for one in results if one.check.id in ROUTER_IDS]
    unsure = any(one.status in ("unknown", "crashed") for one in about)
    chosen: list[tuple[str, Planner]] = []
    if asked or unsure or outdated or set(there) & {*ROUTER_IDS} - {"RTR015"}:
        chosen.append(("RTR001", plan_router_key))
    if "RTR015" in there and request.restart:
        chosen.append(("RTR015", restart_stale))
    if "CFG004" in there and _router_there(results):
        chosen.append(("CFG004", remove_auth_section))
    return chosen


async def _planned(
    request: FixRequest, facts: Facts, draft: Draft, id: str, planner: Planner
) -> Refusal | None:
    try:
        with draft.all_or_nothing():
            async with asyncio.timeout(request.planning_limit):
                await facts.call(planner)
    except TimeoutError as error:  # its thread may go on adding: nothing of the draft counts
        limit = f"{request.planning_limit:g} s"
        raise RepairError(
            f"{id}: planning the repair took longer than {limit}: nothing was changed",
            hint="the router may be too large or too involved to be edited: "
            f"{invocation(f'explain {id}')} tells the change to make by hand",
        ) from error
    except CannotFix as error:
        return Refusal(id, error.message, error.manual, error.loopback_would_do)
    except RepairError as error:
        return Refusal(id, error.message, error.hint)
    except NoFact as error:
        return Refusal(id, str(error), _lines_to_paste(facts) if id in ROUTER_IDS else "")
    return None


def _lines_to_paste(facts: Facts) -> str:
    """For a router that is not known here, or is no kind that can be edited: its own lines."""
    site, address = facts.known(RouterSite), facts.known(Address)
    url = address.url if address else "http://127.0.0.1:5000"
    if site is None or site.path is None:
        return snippets.every(url)
    return snippets.snippet(site.path, "", url) if site.kind == "unknown" else ""


def _without_remedy(request: FixRequest, results: tuple[CheckResult, ...]) -> Iterable[Refusal]:
    """Faults that were asked for, are there, and that nothing here repairs."""
    for result in results:
        id = result.check.id
        if result.status not in ("failed", "warning"):
            continue
        if request.auth:
            if id == "CFG004" and not _router_there(results):
                yield Refusal(
                    id,
                    "no router was found that could be given the key: name it with --router, or "
                    "mean what the section says with --strategy disable-auth",
                )
        elif request.ids and (id not in REMEDIES or not _repairable(result)):
            yield Refusal(id, "there is no automatic remedy", _by_hand(result))


def _router_there(results: Iterable[CheckResult]) -> bool:
    about = [one for one in results if one.check.id in ROUTER_IDS]
    return any(one.status != "skipped" for one in about)


def _by_hand(result: CheckResult) -> str:
    remedies = [remedy for finding in result.findings for remedy in finding.remedies]
    return "\n".join(to_paste(remedies))
