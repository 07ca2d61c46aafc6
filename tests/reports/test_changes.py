"""A log that says each thing once."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabbydoctor.diagnosis.finding import Severity
from tabbydoctor.reports.changes import changes, record_text, recorded, said_of
from tabbydoctor.reports.check_document import check_document
from tests.reports.reports import HEALTHY, ONE_ROOT, OPEN, TWO_ROOTS, fault, report, result

SAID = st.dictionaries(st.text(min_size=1), st.text())


def test_what_came_and_what_went() -> None:
    before, after = {"error A": "a", "warning B": "b"}, {"warning B": "b", "error C": "c"}
    assert list(changes(before, after)) == ["error C: c", "gone: error A: a"]


def test_figures_that_change_with_each_run_are_no_change() -> None:
    said = [
        said_of(
            check_document(report(result("GPU008", fault(f"needs {gib} GiB", Severity.WARNING))))
        )
        for gib in (20, 21)
    ]
    assert list(changes(said[0], said[1])) == []


def test_a_remark_is_not_logged_and_what_is_unknown_is() -> None:
    assert set(said_of(check_document(TWO_ROOTS))) == {"warning TOK004", "error GPU001"}
    assert set(said_of(check_document(OPEN))) == {
        "unknown GRP001",
        "unknown GRP002",
        "crashed SVC011",
    }


def test_the_first_run_says_that_nothing_is_wrong() -> None:
    healthy = said_of(check_document(HEALTHY))
    assert list(changes(None, healthy)) == ["nothing is wrong"]
    assert list(changes(healthy, healthy)) == []


def test_two_findings_of_a_check_are_one_entry() -> None:
    twice = report(result("CFG010", fault("first"), fault("second")))
    assert said_of(check_document(twice)) == {"error CFG010": "first"}
    assert said_of(check_document(dataclasses.replace(ONE_ROOT, roots=())))["error CFG004"]


@given(SAID, SAID)
def test_nothing_changes_the_second_time(before: dict[str, str], after: dict[str, str]) -> None:
    assert recorded(record_text(after)) == after
    assert (list(changes(before, after)) == []) == (set(before) == set(after))


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"said": 3}', "[" * 99999, '{"said":'])
def test_a_record_that_is_none_is_as_if_there_were_none(text: str) -> None:
    assert recorded(text) is None
