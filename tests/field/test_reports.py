"""What the doctor says of the reports is what was graded, and docs/reports.md shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.field.__main__ import PAGE
from tests.field.page import page
from tests.field.reports import GRADES, FieldReport, reports, search
from tests.field.scene import build

REPORTS = reports()


@pytest.mark.parametrize("one", REPORTS, ids=lambda one: one.name)
def test_the_doctor_says_what_the_page_tells(tmp_path: Path, one: FieldReport) -> None:
    said = build(tmp_path, dict(one.scene)).check()
    assert (said.roots, said.remedy) == (one.roots, one.remedy)
    assert one.evidence in " ".join(said.text.split())


@pytest.mark.parametrize("one", REPORTS, ids=lambda one: one.name)
def test_a_grade_belongs_to_its_output(one: FieldReport) -> None:
    """Another output is graded anew: `python -m tests.field DIRECTORY` writes it down."""
    verdict = one.verdict
    assert verdict.grade in GRADES
    if verdict.grade != "not graded":
        assert (verdict.roots, verdict.remedy) == (one.roots, one.remedy)


def test_nobody_is_misled() -> None:
    assert not [one.name for one in REPORTS if one.verdict.grade == "misled"]


def test_they_are_twenty_threads_and_none_was_skipped() -> None:
    threads = [one.thread for one in REPORTS]
    assert len(set(threads)) == len(threads) == 20
    skipped = {thread for each in search()["skipped"].values() for thread in each}
    assert not skipped & set(threads)


def test_the_page_is_fresh() -> None:
    """`python -m tests.field` makes it anew."""
    assert PAGE.read_text(encoding="utf-8") == page(REPORTS, search())
