"""The doctor's accuracy: each fault, pair and healthy variant is a test.

Two machines examine them side by side; a test waits for its own case. What they show together is
the table in docs/accuracy.md: a doctor that does worse than it says fails.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from tests.lab import accuracy
from tests.lab.accuracy import REPOSITORY, Case
from tests.lab.accuracy_table import rows, table
from tests.lab.deployment import RealServer
from tests.lab.faults import Fault
from tests.lab.faults.unshown import UNSHOWN
from tests.lab.installed import Installed
from tests.lab.outcome import Outcome, Repair

CASES = accuracy.cases()
PAGE = REPOSITORY / "docs/accuracy.md"
AGAIN = "python -m tests.lab.accuracy --output docs/accuracy.md"

Examined = dict[str, Future[Outcome]]


@pytest.fixture(scope="session")
def examined(
    request: pytest.FixtureRequest, installed: Installed, real_server: RealServer | None
) -> Iterator[Examined]:
    """The selected cases, being examined in the background from the first test on."""
    selected = {item.name for item in request.session.items}
    runnable = accuracy.runnable(real_server)
    chosen = [case for case in runnable if f"{EACH}[{named(case)}]" in selected]
    with accuracy.examinations(chosen, installed, real_server) as futures:
        yield futures


def named(case: Case) -> str:
    """What pytest calls it."""
    return f"{case.kind}: {case.name}"


def test_each_case_has_a_name_of_its_own() -> None:
    """One of two of the same name would be shown twice, and the other never."""
    names = [case.name for case in CASES]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("case", CASES, ids=named)
def test_each_case(examined: Examined, case: Case) -> None:
    if case.name not in examined:
        pytest.skip(f"not with a real TabbyAPI: {case.subject.stand_in}")
    outcome = examined[case.name].result()
    assert not outcome.problem, outcome.why()
    miss = case.subject.miss if isinstance(case.subject, Fault) else ""
    assert outcome.diagnosed is not bool(miss), (
        f"a known miss is told right now, take it out: {miss}" if miss else outcome.why()
    )
    unfixed = case.subject.unfixed if isinstance(case.subject, Fault) else ""
    if outcome.repair:
        assert (outcome.repair == Repair()) is not bool(unfixed), outcome.why()


EACH = test_each_case.__name__


def all_ids(installed: Installed) -> set[str]:
    """Every id of `tabbydoctor list`."""
    command = [str(installed.doctor), "list", "--format", "json"]
    listed = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {check["id"] for check in listed["checks"]}


def finished(examined: Examined, real: RealServer | None) -> list[Outcome]:
    """All outcomes. Skips where a test was left out."""
    expected = accuracy.runnable(real)
    if len(examined) != len(expected):
        pytest.skip("only some of the cases were selected")
    return [examined[case.name].result() for case in expected]


def test_the_aim_is_reached(examined: Examined, real_server: RealServer | None) -> None:
    outcomes = finished(examined, real_server)
    for kind, least in (("fault", 0.95), ("pair", 0.90), ("healthy", 1.0)):
        right = [one.diagnosed for one in outcomes if one.kind == kind]
        assert sum(right) >= least * len(right), kind


def test_every_id_is_shown_or_has_its_reason(
    examined: Examined, real_server: RealServer | None, installed: Installed
) -> None:
    outcomes = finished(examined, real_server)
    shown = {id for one in outcomes for id in one.shown}
    if real_server is None:
        assert all_ids(installed) - shown == set(UNSHOWN)


def test_the_table_is_the_one_in_the_docs(
    examined: Examined, real_server: RealServer | None
) -> None:
    now = rows(table(finished(examined, real_server)))
    written = rows(PAGE.read_text(encoding="utf8"))
    changed = [row for row in now if row not in written]
    assert not changed, f"run: {AGAIN}"
    if real_server is None:
        assert now == written, f"run: {AGAIN}"
