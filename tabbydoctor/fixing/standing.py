"""How a deployment stands: a repair that makes another finding of it appear, or worse, is none."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from tabbydoctor import plugins
from tabbydoctor.diagnosis.report import CheckResult
from tabbydoctor.diagnosis.runner import run_checks
from tabbydoctor.facts import Facts

_FILES = ("config", "tokens")
"""The categories of what lies there, whatever runs."""
_ALL = (*_FILES, "service", "endpoint", "router")
_RANKS = {"passed": 0, "info": 0, "warning": 1, "failed": 2}
"""How bad it is; a check that was not judged has none, and tells nothing."""
_LEFT_TO_DO = ("SVC005", "SVC010", "RTR015")
"""A restart or a reload that is left to the operator."""


FaultsStanding = Mapping[str, CheckResult]
"""What the checks said at one time, by id."""


async def standing(facts: Facts, time_limit: float) -> FaultsStanding:
    """Ask the checks of the files, the service, the endpoint and the router."""
    checks = [check for check in plugins.checks() if check.category in _ALL]
    results = await run_checks(checks, facts, time_limit)
    return {one.check.id: one for one in results}


def worse(
    before: FaultsStanding,
    after: FaultsStanding,
    asked: Collection[str],
    *,
    answered: bool,
    live: bool,
) -> Iterator[str]:
    """The findings that a repair brought or made worse, a line each.

    `asked` are those it is about. Where TabbyAPI did not answer before (`answered`), what is seen
    of it once it runs was there before; where nothing was restarted (`live`), that is left to do.
    """
    for id, result in after.items():
        was, now = _rank(before.get(id)), _rank(result)
        of_files = result.check.category in _FILES
        passed_over = id in asked or (not live and id in _LEFT_TO_DO)
        if was is None or now is None or passed_over or not (answered or of_files):
            continue
        if now > was:
            yield f"the repair brings {id}: {_title(result)}"


def _rank(result: CheckResult | None) -> tuple[int, int] | None:
    """How bad a finding is, and how often; None where it was not judged."""
    rank = _RANKS.get(result.status) if result else None
    if result is None or rank is None:
        return None
    worst = sum(finding.severity in ("error", "warning") for finding in result.findings)
    return rank, worst if result.check.category in _FILES else 0


def _title(result: CheckResult) -> str:
    """Of its gravest finding."""
    order: Iterable[str] = ("error", "warning", "info")
    titles = {str(finding.severity): finding.title for finding in reversed(result.findings)}
    return next((titles[each] for each in order if each in titles), result.check.name)
