"""The cures that checks declare: each can be had, is offered as declared, and keeps silent where
nothing is wrong."""

from __future__ import annotations

import inspect

import pytest

from tabbydoctor import plugins
from tabbydoctor.api import CURE, Check, Cure, Evidence, Finding, Safety, check
from tabbydoctor.facts import NoFact
from tabbydoctor.remedies.draft import Draft

from .scene import Scene

CURED = [check for check in plugins.checks() if check.cure]
BY_ID = [check.id for check in CURED if check.cure and not check.cure.command]


@pytest.mark.parametrize("check", CURED, ids=lambda check: check.id)
def test_every_cure_can_be_had_and_takes_the_draft(check: Check) -> None:
    assert check.cure is not None
    parameters = inspect.get_annotations(check.cure.planner, eval_str=True)
    assert Draft in parameters.values()


@pytest.mark.parametrize("id", BY_ID)
def test_nothing_is_planned_where_nothing_is_wrong(scene: Scene, id: str) -> None:
    try:
        draft = scene.draft(id)
    except NoFact:
        return  # no GPU is needed here, or nothing runs
    assert draft.plan().empty
    assert (draft.title, draft.notes, draft.manual) == ("", [], [])


def _plan(draft: Draft) -> None:
    draft.notes.append("planned")


def test_a_finding_offers_what_its_check_declares() -> None:
    @check("XYZ001", "xyz", category="config", cure=Cure(_plan, Safety.UNSAFE))
    def judge() -> list[Finding]:
        """A page."""
        return [Finding("wrong", evidence=(Evidence("here"),), remedies=(CURE,))]

    (finding,) = judge.judge()
    (remedy,) = finding.remedies
    assert remedy.safety is Safety.UNSAFE
    assert remedy.commands == ("sudo tabbydoctor fix XYZ001",)


def test_a_check_cannot_offer_what_it_does_not_declare() -> None:
    @check("XYZ001", "xyz", category="config")
    def judge() -> list[Finding]:
        """A page."""
        return [Finding("wrong", remedies=(CURE,))]

    with pytest.raises(LookupError, match="XYZ001"):
        list(judge.judge())
