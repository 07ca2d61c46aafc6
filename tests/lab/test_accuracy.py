"""The doctor's accuracy: each fault, pair and healthy variant is a test.

Each is held against its own row of the table in docs/accuracy.md: a doctor that does worse than it
says fails. What the rows show together is told from them.
"""

from __future__ import annotations

import pytest

from tabbydoctor import plugins
from tests.lab import accuracy
from tests.lab.accuracy import Case
from tests.lab.accuracy_table import PASTED, TRIED, names, pasted, rows, table
from tests.lab.deployment import Deploy, RealServer
from tests.lab.faults import CATALOGUE, PAIRS, Fault
from tests.lab.faults.unshown import UNSHOWN
from tests.lab.installed import REPOSITORY
from tests.lab.outcome import ACTS, Repair

CASES = accuracy.cases()
PAGE = (REPOSITORY / "docs/accuracy.md").read_text(encoding="utf8")
AGAIN = "run: python -m tests.lab.accuracy --output docs/accuracy.md"


def named(case: Case) -> str:
    """What pytest calls it."""
    return f"{case.kind}: {case.name}"


@pytest.mark.parametrize("case", CASES, ids=named)
def test_each_case(deploy: Deploy, real_server: RealServer | None, case: Case) -> None:
    subject = case.subject
    if real_server and subject.stand_in:
        pytest.skip(f"not with a real TabbyAPI: {subject.stand_in}")
    outcome = accuracy.examine(deploy, case)
    assert not outcome.problem, outcome.why()
    miss, unfixed, shows = "", "", frozenset[str]()
    if isinstance(subject, Fault):
        miss, unfixed, shows = subject.miss, subject.unfixed, subject.shows
    assert outcome.diagnosed is not bool(miss), (
        f"a known miss is told right now, take it out: {miss}" if miss else outcome.why()
    )
    assert shows <= outcome.shown, outcome.why()
    if outcome.repair:
        assert (outcome.repair == Repair()) is not bool(unfixed), outcome.why()
    (row,) = rows(table([outcome]))
    assert row in rows(PAGE), AGAIN
    if outcome.pasted == ACTS:
        assert pasted(PAGE)[case.name] in TRIED, AGAIN
    elif outcome.pasted:
        assert pasted(PAGE)[case.name] == PASTED.get(outcome.pasted, "–"), AGAIN


def test_each_case_has_a_name_of_its_own() -> None:
    """One of two of the same name would be shown twice, and the other never."""
    every = [case.name for case in CASES]
    assert sorted(every) == sorted(set(every))


def test_the_table_has_each_of_them() -> None:
    kinds = ("fault", "pair", "healthy")
    assert names(PAGE) == [case.name for kind in kinds for case in CASES if case.kind == kind]


def test_the_aim_is_reached() -> None:
    """Each case is told right, but for those that say why not."""
    for faults, least in ((CATALOGUE, 0.95), (PAIRS, 0.90)):
        missed = [one for one in faults.values() if one.miss]
        assert len(missed) <= (1 - least) * len(faults)


def test_every_id_is_shown_or_has_its_reason() -> None:
    shown = {root for case in CASES for root in case.roots}
    shown |= {id for one in (*CATALOGUE.values(), *PAIRS.values()) for id in one.shows}
    assert {check.id for check in plugins.checks()} - shown == set(UNSHOWN)
