"""The table of remedies: what the checks offer, and silence where nothing is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tabbydoctor import plugins
from tabbydoctor.api import Safety
from tabbydoctor.facts import NoFact
from tabbydoctor.remedies.by_finding import REMEDIES

from .scene import Scene

CHECKS = Path(__file__).parent.parent.parent / "checks"
BY_FINDING = [id for id in REMEDIES if not id.startswith("RTR")]


def test_every_remedy_answers_a_check() -> None:
    assert set(REMEDIES) <= {check.id for check in plugins.checks()}


def test_checks_offer_what_the_table_holds_and_as_safe_as_it_is() -> None:
    offered = {
        (id, Safety[safety])
        for path in CHECKS.rglob("*.py")
        for id, safety in re.findall(r'by_doctor\("(\w+)", Safety\.(\w+)[,)]', path.read_text())
    }
    assert offered == {(id, REMEDIES[id].safety) for id in BY_FINDING}


@pytest.mark.parametrize("id", BY_FINDING)
def test_nothing_is_planned_where_nothing_is_wrong(scene: Scene, id: str) -> None:
    try:
        draft = scene.draft(id)
    except NoFact:
        return  # no GPU is needed here, or nothing runs
    assert draft.plan().empty
    assert (draft.title, draft.notes, draft.manual) == ("", [], [])
