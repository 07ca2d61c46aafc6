"""How long a proof waits, and for what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.facts import Facts
from tabbydoctor.fixing import proof, serving
from tabbydoctor.remedies.outcome import UNSEEN, Prepared, SeenAnswer, Witness
from tabbydoctor.remedies.request import FixRequest
from tabbydoctor.repair.changes import Plan, Restart
from tabbydoctor.targets import Targets
from tests.scratch_host import ScratchHost


class _Looked(Exception):  # noqa: N818 - the end of the waiting
    """All that is waited for was."""


HEALTHY = Witness(probe=SeenAnswer(200, "the router itself"))
SILENT = Witness(probe=SeenAnswer(None, said="refused"))


def waits(
    monkeypatch: pytest.MonkeyPatch, request: FixRequest, before: Witness = HEALTHY
) -> dict[str, float]:
    """What a proof would wait for, and how long at most."""
    limits: dict[str, float] = {}

    async def noted(_: object, what: str, limit: float, done: Callable[..., object]) -> None:
        limits[what] = limit

    def looked(_: object) -> None:
        raise _Looked

    monkeypatch.setattr(proof._Proving, "_await", noted)
    monkeypatch.setattr(proof._Proving, "_facts", looked)
    prepared = Prepared(Plan("", (), (Restart("llm-router.service", None),)))
    proving = proof._Proving(ScratchHost, Targets(), request, prepared, lambda _: None, before)
    with pytest.raises(_Looked):
        asyncio.run(proving.prove())
    return limits


ROUTER, TABBY = "the router to find TabbyAPI ready", "TabbyAPI to answer"
ANSWERS = "the router to answer"


@pytest.mark.parametrize(("ready", "router"), [(5.0, 5.0), (600.0, 60.0)])
def test_the_router_is_waited_for_no_longer_than_was_asked(
    monkeypatch: pytest.MonkeyPatch, ready: float, router: float
) -> None:
    limits = waits(monkeypatch, FixRequest(auth=True, ready_timeout=ready))
    assert limits == {TABBY: ready, ROUTER: router}


@pytest.mark.parametrize("before", [UNSEEN, SILENT], ids=["no health", "no answer"])
def test_a_router_that_told_nothing_of_its_health_has_only_to_answer(
    monkeypatch: pytest.MonkeyPatch, before: Witness
) -> None:
    limits = waits(monkeypatch, FixRequest(auth=True), before)
    assert ANSWERS in limits
    assert ROUTER not in limits


def test_a_finding_of_the_router_is_proven_through_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ROUTER in waits(monkeypatch, FixRequest(ids=("RTR009",)))
    assert ROUTER not in waits(monkeypatch, FixRequest(ids=("TOK004",)))


@pytest.mark.parametrize(
    ("state", "restarts", "waited_on"),
    [
        ("activating", "0", True),
        ("deactivating", "", True),
        ("failed", "0", False),
        ("activating", "3", False),
    ],
)
def test_what_systemd_has_given_up_is_not_waited_for(
    state: str, restarts: str, waited_on: bool
) -> None:
    unit = Unit("llm-router.service", {"ActiveState": state, "NRestarts": restarts})
    assert serving.may_come_up(unit) is waited_on


class _Down(proof._Proving):
    """TabbyAPI does not answer."""

    async def _up(self, facts: Facts) -> bool:
        return False


def test_a_tabbyapi_that_nobody_restarted_is_not_waited_for() -> None:
    unit = Unit("tabbyapi.service", {"ActiveState": "activating"})

    async def waits_for(restarted: str) -> bool:
        prepared = Prepared(Plan("", (), (Restart(restarted, None),)))
        proving = _Down(ScratchHost, Targets(), FixRequest(auth=True), prepared, lambda _: None)
        facts = Facts((), ())
        facts.provide(Instance, Instance("/srv/tabby", (), unit=unit))
        return await proving._answers(facts) is None

    assert asyncio.run(waits_for("tabbyapi.service"))
    assert not asyncio.run(waits_for("llm-router.service"))
