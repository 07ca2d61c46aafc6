"""Every router of the corpus: its whole reading as it is kept, and what it was seen to send.

After a change that is meant: `python -m tests.source.corpus --write`, and look at the difference.
"""

from __future__ import annotations

import pytest

from tests.source.corpus import CASES, Case, known_misses, missed, reading, stale
from tests.source.snapshot import snapshot

MISSES = known_misses()
WITH_TRUTH = [case for case in CASES.values() if case.truth]


@pytest.mark.parametrize("case", CASES.values(), ids=str)
def test_the_whole_reading_is_as_it_is_kept(case: Case) -> None:
    assert case.kept.exists(), "no snapshot is kept"
    assert snapshot(reading(str(case))) == case.kept.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", WITH_TRUTH, ids=str)
def test_it_is_read_as_it_was_seen_to_run(case: Case) -> None:
    """But for what is known to be missed: that is exact, too, and taken off once it is found."""
    assert missed(case) == MISSES.get(str(case), [])


def test_nothing_is_kept_of_no_case() -> None:
    assert stale() == []
    assert set(MISSES) <= {str(case) for case in WITH_TRUTH}
