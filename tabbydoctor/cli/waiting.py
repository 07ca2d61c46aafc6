"""`check --wait`: look again until nothing fails, as long as waiting can change that."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from tabbydoctor.diagnosis.check import PASSING
from tabbydoctor.diagnosis.report import Report
from tabbydoctor.diagnosis.verdict import counts
from tabbydoctor.examination import NothingToExamine

INTERVAL = 2.0
"""Seconds between two looks."""
_LATE = "time limit"


def wait_until_well(
    look: Callable[[], Report],
    seconds: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Report:
    """The report of the last look. Raises NothingToExamine where there is nothing by then."""
    started = clock()
    while True:
        try:
            report = look()
            if report.exit_code == 0 or not may_pass(report):
                return report
            awaited, nothing = _awaited(report), None
        except NothingToExamine as error:
            if not error.may_come:
                raise
            report, awaited, nothing = None, "a TabbyAPI", error
        left = started + seconds - clock()
        if left <= 0:
            if nothing is not None:
                raise nothing
            assert report is not None
            return report
        _say(f"waiting for {awaited}: {clock() - started:.0f} s of {seconds:g}")
        sleep(min(INTERVAL, left))
        _say("")


def may_pass(report: Report) -> bool:
    """Whether all that counts may end by itself: faults of what may yet come up, and what follows
    from them. What could not be told may be told then, too.
    """
    checks = {result.check.id: result.check for result in report.results}
    cause = {id: root.id for root in report.roots for id in root.explains}
    counted = [one for one in report.results if counts(one.status, report.fail_on)]
    faults = [one for one in counted if one.findings]
    if not faults:
        return any((one.reason or "").startswith(_LATE) for one in counted)
    roots = {cause.get(one.check.id, one.check.id) for one in faults}
    return all(PASSING in checks[id].tags for id in roots)


def _awaited(report: Report) -> str:
    names = [root.id for root in report.roots]
    return ", ".join(names[:6]) or "what could not be told in time"


def _say(text: str) -> None:
    """One line on a terminal that wipes itself."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
