"""Whether a router that was restarted is ready: it finds TabbyAPI, or answers at all."""

from __future__ import annotations

from tabbydoctor.deployment.parts import ProcessTable, RouterSite
from tabbydoctor.examination.router_answers import fact
from tabbydoctor.facts import Facts
from tabbydoctor.fixing.serving import may_come_up
from tabbydoctor.host import Host
from tabbydoctor.routers.site.health import RouterHealth, own_url
from tabbydoctor.routers.witness import PATH
from tabbydoctor.tabbyapi.probes import Endpoint


async def router_ready(facts: Facts) -> bool | None:
    """True once it finds TabbyAPI up; False where it will not; None: wait on."""
    if not await _may_become_ready(facts):
        return False
    health = await fact(facts, RouterHealth)
    if health is None or health.answer.status is None:
        return None
    return None if health.tabbyapi is False else True


async def router_answers(facts: Facts) -> bool | None:
    """True once it answers HTTP at all; False where it will not; None: wait on."""
    if not await _may_become_ready(facts):
        return False
    site, table = await fact(facts, RouterSite), await fact(facts, ProcessTable)
    url = own_url(site, table) if site and table else None
    host = facts.known(Host)  # type: ignore[type-abstract]
    if url is None or host is None:
        return None
    answer = await host.get(f"{url}{PATH}", timeout=3.0)
    return True if answer.status is not None else None


async def _may_become_ready(facts: Facts) -> bool:
    endpoint = await fact(facts, Endpoint)
    if endpoint is None or not endpoint.reached:
        return False  # no router can find it ready
    site = await fact(facts, RouterSite)
    return site is not None and site.unit is not None and may_come_up(site.unit)
