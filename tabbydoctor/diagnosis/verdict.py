"""The exit code of `check`, computed once, before any reporter (see the README's table)."""

from __future__ import annotations

from collections.abc import Iterable

from tabbydoctor.diagnosis.report import CheckResult, FailOn, Status

_COUNTS: dict[FailOn, frozenset[Status]] = {
    "error": frozenset({"failed"}),
    "warning": frozenset({"failed", "warning"}),
    "unknown": frozenset({"failed", "warning", "unknown", "crashed"}),
}
_NOT_JUDGED: frozenset[Status] = frozenset({"skipped", "unknown", "crashed"})


def exit_code(results: Iterable[CheckResult], fail_on: FailOn) -> int:
    """0 if nothing is at or above the level, else 1; 2 where nothing was judged at all."""
    statuses = {result.status for result in results}
    if statuses and statuses <= _NOT_JUDGED:
        return 2
    return int(bool(statuses & _COUNTS[fail_on]))


def counts(status: Status, fail_on: FailOn) -> bool:
    """Whether a check that ended so is what makes the exit code 1."""
    return status in _COUNTS[fail_on]
