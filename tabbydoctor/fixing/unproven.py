"""What stands between "no fault was found" and the proof that there is nothing to do."""

from __future__ import annotations

from collections.abc import Iterable

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.diagnosis.report import CheckResult
from tabbydoctor.facts import Absent, Facts, NoFact
from tabbydoctor.fixing.chosen import of_router_key
from tabbydoctor.invocation import invocation
from tabbydoctor.remedies.request import FixRequest
from tabbydoctor.routers.judged import RouterJudgement
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint


async def unproven(facts: Facts, request: FixRequest, results: Iterable[CheckResult]) -> str:
    """What is needed to know that a router's requests carry the key; empty where that is known.

    Where no key is asked for, none has to.
    """
    if not request.auth or request.strategy == "disable-auth":
        return ""
    try:
        await facts.get(RouterSite)
    except Absent as reason:
        return await _without_router(facts, str(reason))
    except NoFact as reason:
        return str(reason) if await _key_asked(facts) else ""
    return await _with_router(facts, request, results)


async def _with_router(facts: Facts, request: FixRequest, results: Iterable[CheckResult]) -> str:
    told = {*of_router_key(request), "RTR009"}
    about = [one for one in results if one.check.id in told]
    unsure = [one for one in about if one.status in ("unknown", "crashed")]
    try:
        judgement = await facts.get(RouterJudgement)
    except NoFact as reason:
        return str(reason) if await _key_asked(facts) else ""
    asked = any(one.status not in ("skipped",) for one in about)
    if judgement.proven and not unsure:
        return ""
    if judgement.needed and (asked or not unsure) and await _key_asked(facts):
        return judgement.needed
    return f"{unsure[0].check.id} could not be judged: {unsure[0].reason}" if unsure else ""


async def _without_router(facts: Facts, why: str) -> str:
    """That none was found proves something only while TabbyAPI runs: those who call it show."""
    if not await _key_asked(facts):
        return ""
    try:
        endpoint = await facts.get(Endpoint)
    except NoFact as reason:
        return f"{why}, and TabbyAPI was not asked: {reason}"
    url = endpoint.address.url
    if not endpoint.reached:
        return (
            f"TabbyAPI does not answer at {url}, and a router is found by its requests to it: "
            f"{invocation('check')} tells what is wrong with TabbyAPI; mend that and run this "
            "again, or name the router with --router"
        )
    if endpoint.identity == "other":
        return (
            f"what answers at {url} is not TabbyAPI ({invocation('check --only API002')} tells "
            "more): name TabbyAPI's own address with --url, or the router with --router"
        )
    if endpoint.identity == "unknown":
        return (
            f"who answers at {url} cannot be told: {endpoint.withheld}; name TabbyAPI's own "
            "address with --url, or the router with --router"
        )
    return ""


async def _key_asked(facts: Facts) -> bool:
    """Whether TabbyAPI asks for a key, as far as it is known."""
    try:
        config = await facts.get(EffectiveConfig)
    except NoFact:
        return True
    return not config.auth_disabled
