"""Which findings a request is about, and which cures answer those that are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tabbydoctor import plugins
from tabbydoctor.diagnosis.check import AUTH, KEYLESS, ROUTER_KEY, Check
from tabbydoctor.diagnosis.cure import Planner
from tabbydoctor.diagnosis.finding import Safety
from tabbydoctor.diagnosis.report import CheckResult
from tabbydoctor.remedies.disable_auth import plan_disable_auth
from tabbydoctor.remedies.front import plan_front
from tabbydoctor.remedies.request import FixRequest

ROUTER = "router"
"""The category of the checks that ask for a router."""


def asked_for(request: FixRequest) -> tuple[Check, ...]:
    """The checks that a request is about, in the order of their ids."""
    return tuple(check for check in plugins.checks() if _asked(request, check))


def _asked(request: FixRequest, check: Check) -> bool:
    if request.auth:
        keyless = request.strategy == "disable-auth"
        return (KEYLESS if keyless else AUTH) in check.tags
    if request.all_safe:
        return check.cure is not None and check.cure.safety is Safety.SAFE
    return check.id in request.ids


def of_router_key(request: FixRequest) -> tuple[str, ...]:
    """The ids, of what is asked for, that tell whether a router's requests carry the key."""
    return tuple(one.id for one in asked_for(request) if ROUTER_KEY in one.tags)


def present(request: FixRequest, results: Iterable[CheckResult]) -> tuple[str, ...]:
    """The asked-for faults that are there. Only who names a check by its id asks for more than
    its cure answers."""
    found = (one for one in results if one.status in ("failed", "warning"))
    return tuple(one.check.id for one in found if request.ids or answered(one))


def answered(result: CheckResult) -> bool:
    """Whether the cure of a fault's check answers it: of some faults it answers only a part."""
    cure = result.check.cure
    offered = (remedy for finding in result.findings for remedy in finding.remedies)
    partly = cure is not None and cure.in_part
    return not partly or any(one.safety is Safety.SAFE for one in offered)


def planners(
    request: FixRequest, results: tuple[CheckResult, ...], outdated: bool, fronted: bool = False
) -> list[tuple[str, Planner]]:
    """What plans the repair, each once, with the id it goes by.

    `outdated`: an older version wired the router, and left something undone. `fronted`: a front
    adds its key; then that is seen to, and the router left as it is.
    """
    if request.auth and request.strategy == "disable-auth":
        # Asked for by its own name, whatever findings there are.
        return [("disable-auth", plan_disable_auth)]
    there = present(request, filter(answered, results))
    found = {one.check.id: one.check for one in results if one.check.id in there}
    if request.auth and (fronted or request.strategy == "front"):
        others = (one for one in found.values() if one.category != ROUTER and one.cure)
        return [("front", plan_front), *((one.id, one.cure.planner) for one in others if one.cure)]
    if request.auth:
        return list(_for_auth(request, results, found, outdated))
    by_front = {id for id, check in found.items() if fronted and ROUTER_KEY in check.tags}
    cures = [(id, check.cure) for id, check in found.items() if check.cure]
    first = {
        cure.plan: (id, plan_front if id in by_front else cure.planner)
        for id, cure in reversed(cures)
    }
    return list(reversed(first.values()))


def _for_auth(
    request: FixRequest,
    results: tuple[CheckResult, ...],
    found: dict[str, Check],
    outdated: bool,
) -> Iterator[tuple[str, Planner]]:
    """The router's key first; a section that does nothing is taken out where it is a part of it."""
    wiring = next(one.check for one in results if ROUTER_KEY in one.check.tags)
    assert wiring.cure is not None
    others = [one for one in found.values() if one.cure and one.cure.plan != wiring.cure.plan]
    of_router = [one for one in results if one.check.category == ROUTER]
    unsure = any(one.status in ("unknown", "crashed") for one in of_router)
    keyless = any(one.category == ROUTER and one not in others for one in found.values())
    if request.strategy or request.throughout or unsure or outdated or keyless:
        yield wiring.id, wiring.cure.planner
    for check in sorted(others, key=lambda one: one.category != ROUTER):
        assert check.cure is not None
        restarts = not check.cure.undoable
        if request.restart if restarts else router_there(results):
            yield check.id, check.cure.planner


def router_there(results: Iterable[CheckResult]) -> bool:
    """Whether there is a router that could be judged, or not."""
    about = [one for one in results if one.check.category == ROUTER]
    return any(one.status != "skipped" for one in about)
