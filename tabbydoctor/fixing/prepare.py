"""Looking and planning: which of the asked-for faults are there, and what would mend them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from tabbydoctor.deployment.parts import Instance, RouterSite
from tabbydoctor.deployment.reader import reader
from tabbydoctor.diagnosis.cure import Planner
from tabbydoctor.diagnosis.hands import Hands
from tabbydoctor.diagnosis.report import CheckResult
from tabbydoctor.diagnosis.runner import WHOLE_RUN, run_checks
from tabbydoctor.examination import facts_of, require_something
from tabbydoctor.examination.word import by_word
from tabbydoctor.facts import Facts, NoFact
from tabbydoctor.fixing.chosen import (
    ROUTER,
    answered,
    asked_for,
    planners,
    present,
    router_there,
)
from tabbydoctor.fixing.unproven import unproven
from tabbydoctor.front.standing import Front
from tabbydoctor.host import Host
from tabbydoctor.invocation import invocation
from tabbydoctor.nixos.by_rebuild import to_paste
from tabbydoctor.records import replace
from tabbydoctor.remedies import snippets
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.outcome import Prepared, RefusedRemedy
from tabbydoctor.remedies.request import FixRequest
from tabbydoctor.repair import interrupts
from tabbydoctor.repair.changes import EarlierChange
from tabbydoctor.repair.errors import RepairError
from tabbydoctor.routers.inputs import RouterInputs
from tabbydoctor.routers.marked_block import marked_block
from tabbydoctor.routers.staleness import RouterStaleness
from tabbydoctor.tabbyapi.probes import Address, Endpoint
from tabbydoctor.tabbyapi.token_paths import TokenPaths
from tabbydoctor.targets import Targets
from tabbydoctor.threads import await_nobody


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
    facts.provide(FixRequest, request)
    try:
        await _require_something(host, facts, targets, request)
        results = await _look(facts, request)
        _introduce(draft, facts, host)
        hands = Hands(host, by_word(facts))
        refusals: list[RefusedRemedy] = []
        of_router = {one.check.id for one in results if one.check.category == ROUTER}
        for id, planner in planners(
            request, results, await _outdated(facts), await _fronted(facts)
        ):
            if refusals and request.auth and id not in of_router:
                continue  # by itself it would cure nobody's 401
            refusal = await _planned(request, facts, draft, id, planner, id in of_router)
            refusals += [refusal] if refusal else []
        refusals += _without_remedy(request, results)
        return Prepared(
            draft.plan(),
            tuple(draft.notes),
            tuple(draft.manual),
            draft.reasons,
            present(request, results),
            tuple(replace(one, manual=hands.lines(one.manual)) for one in refusals),
            tuple(_not_here(request, results)),
            await _answers(facts),
            request.restart,
            await _runs_as_it_is(facts, request),
            await unproven(facts, request, results),
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


async def _fronted(facts: Facts) -> bool:
    """Whether a front of the doctor's adds the router's key."""
    try:
        front, site = await facts.get(Front), await facts.get(RouterSite)
    except NoFact:
        return False
    return front.serves(site.unit.name if site.unit else None)


async def _runs_as_it_is(facts: Facts, request: FixRequest) -> bool:
    """Whether a router runs that its files tell of: what it answers tells about them."""
    if not request.auth or request.strategy == "disable-auth" or not request.restart:
        return False
    try:
        return not (await facts.get(RouterStaleness)).newer
    except NoFact:
        return False


def _introduce(draft: Draft, facts: Facts, host: Host) -> None:
    """Tell the draft whose deployment it is about, and which files were judged."""
    parts = [part for part in (facts.known(Instance), facts.known(RouterSite)) if part]
    draft.readers = tuple(account for part in parts if (account := reader(host, part)))
    draft.by_word = by_word(facts)
    paths = facts.known(TokenPaths)
    if paths and paths.on_machine:
        draft.judged[paths.on_machine.leaf.path] = paths.on_machine.leaf


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


async def _look(facts: Facts, request: FixRequest) -> tuple[CheckResult, ...]:
    return await run_checks(asked_for(request), facts, request.time_limit)


async def _planned(
    request: FixRequest, facts: Facts, draft: Draft, id: str, planner: Planner, of_router: bool
) -> RefusedRemedy | None:
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
        return RefusedRemedy(id, error.message, error.manual, error.loopback_would_do)
    except RepairError as error:
        return RefusedRemedy(id, error.message, error.hint)
    except NoFact as error:
        return RefusedRemedy(id, str(error), _lines_to_paste(facts) if of_router else "")
    return None


def _lines_to_paste(facts: Facts) -> str:
    """For a router that is not known here, or is no kind that can be edited: its own lines."""
    site, address = facts.known(RouterSite), facts.known(Address)
    url = address.url if address else "http://127.0.0.1:5000"
    if site is None or site.path is None:
        return snippets.every(url)
    return snippets.snippet(site.path, "", url) if site.kind == "unknown" else ""


def _without_remedy(
    request: FixRequest, results: tuple[CheckResult, ...]
) -> Iterable[RefusedRemedy]:
    """Faults that were asked for, are there, and that nothing here repairs."""
    for result in results:
        id = result.check.id
        if result.status not in ("failed", "warning"):
            continue
        if request.auth:
            if result.check.category != ROUTER and not router_there(results):
                yield RefusedRemedy(
                    id,
                    "no router was found that could be given the key: name it with --router, or "
                    "mean what the section says with --strategy disable-auth",
                )
        elif request.ids and not (result.check.cure and answered(result)):
            yield RefusedRemedy(id, "there is no automatic remedy", _by_hand(result))


def _by_hand(result: CheckResult) -> str:
    remedies = [remedy for finding in result.findings for remedy in finding.remedies]
    return "\n".join(to_paste(remedies))
