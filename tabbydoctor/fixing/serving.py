"""Waiting until TabbyAPI serves again, where a change that is taken back has restarted it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.examination import facts_of
from tabbydoctor.examination.router_answers import fact
from tabbydoctor.facts import Facts
from tabbydoctor.host import Host
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.targets import Targets

Progress = Callable[[str], None]
PAUSE = 0.3
_STARTS = 3
"""Starts by systemd itself after which a unit is taken not to come up."""


def may_come_up(unit: Unit) -> bool:
    """Whether waiting for it can help: not once systemd gave it up, or starts it in vain.

    A restart by hand counts from 0 (`NRestarts`, systemd.service(5)).
    """
    restarts = unit.number("NRestarts") or 0
    return unit.get("ActiveState") not in ("failed", "inactive") and restarts < _STARTS


def serves(host: Callable[[], Host], targets: Targets) -> bool:
    """Whether TabbyAPI answers now. Nothing that is wrong elsewhere is raised."""
    return asyncio.run(_state(host(), targets, ())) is True


def await_serving(
    host: Callable[[], Host],
    targets: Targets,
    restarted: Collection[str],
    limit: float,
    progress: Progress,
) -> bool:
    """Wait until TabbyAPI answers, its unit has given up, or the time is over. Whether it does.

    `restarted` are the units that were restarted: no other is waited for.
    """
    started = time.monotonic()
    while True:
        state = asyncio.run(_state(host(), targets, restarted))
        waited = time.monotonic() - started
        if state is not None or waited >= limit:
            progress("")
            return state is True
        progress(f"waiting for TabbyAPI to answer ({waited:.0f} s)")
        time.sleep(PAUSE)


async def _state(host: Host, targets: Targets, restarted: Collection[str]) -> bool | None:
    """True: it answers; False: it will not; None: wait on."""
    facts = facts_of(host, targets)
    try:
        endpoint = await fact(facts, Endpoint)
        answers = endpoint is not None and endpoint.reached
        return True if answers else await still_starts(facts, restarted)
    finally:
        await facts.close()
        await host.close()


async def still_starts(facts: Facts, restarted: Collection[str]) -> bool | None:
    """Of a TabbyAPI that does not answer: None where its unit may yet come up, else False."""
    one = await fact(facts, Instance)
    if one is None or one.unit is None or one.unit.name not in restarted:
        return False
    return None if may_come_up(one.unit) else False
