"""From findings to root causes: what explains what, as the checks declare it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tabbydoctor.diagnosis.check import CUTS_OFF, DOWN
from tabbydoctor.diagnosis.finding import Finding, Severity
from tabbydoctor.diagnosis.report import CheckResult, Root
from tabbydoctor.diagnosis.runner import worst_severity
from tabbydoctor.records import replace

# Nearness to the request, nearest first.
NEARNESS = (
    *("router", "endpoint", "tokens", "config", "container"),
    *("nixos", "service", "groups", "gpu"),
)
_SEVERITY = list(Severity)
WITNESS = "SVC011"
"""The check that reads TabbyAPI's log: what it names has happened, others only may have."""
OUTAGE = "API001"
"""Nothing answers: it comes before what would go wrong with single requests."""

Causes = Mapping[str, frozenset[str]]


def with_causes(results: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """The results, each finding naming those of its causes that are present."""
    given = tuple(results)
    present = {result.check.id for result in given if _grave(result)}
    witnessed = present & _witnessed(given)
    stopping = witnessed | {result.check.id for result in given if _stops(result)}
    return tuple(
        _explained(result, stopping if DOWN in result.check.tags else present, witnessed)
        for result in given
    )


def _explained(result: CheckResult, causes: set[str], witnessed: set[str]) -> CheckResult:
    findings = (_with_causes(one, result, causes, witnessed) for one in result.findings)
    return replace(result, findings=tuple(findings))


def _witnessed(results: Iterable[CheckResult]) -> set[str]:
    """The causes of which the log holds an error."""
    findings = [one for result in results if result.check.id == WITNESS for one in result.findings]
    errors = [one for one in findings if one.severity is Severity.ERROR]
    return {id for one in errors for id in one.caused_by or ()}


def _with_causes(
    finding: Finding, result: CheckResult, present: set[str], witnessed: set[str]
) -> Finding:
    """Of several causes that are present, those that the log names where it names any."""
    declared = result.check.caused_by if finding.caused_by is None else finding.caused_by
    causes = tuple(id for id in declared if id in present and id != result.check.id)
    told = tuple(id for id in causes if id in witnessed)
    return replace(finding, caused_by=told or causes)


def roots(results: Iterable[CheckResult]) -> tuple[Root, ...]:
    """Root causes, gravest first: every error and warning is one, or is explained by one.

    Takes results that went through `with_causes`. An id with several findings is explained
    only if each of them is.
    """
    graves = {result.check.id: result for result in results if _grave(result)}
    causes = {id: _causes(result) for id, result in graves.items()}
    found = {id for id in graves if not causes[id]}
    explained = _explained_by(found, causes)
    while left := [id for id in graves if id not in explained and id not in found]:
        # Only circles are left: whichever lies deepest starts it.
        found.add(max(left, key=lambda id: _nearness(graves[id])))
        explained = _explained_by(found, causes)
    listed = [_root(id, graves, causes) for id in found]
    return tuple(sorted(listed, key=lambda root: _rank(root, graves)))


def _stops(result: CheckResult) -> bool:
    """Whether it can be the reason why TabbyAPI is down, or not reached."""
    warns = CUTS_OFF in result.check.tags and _grave(result)
    return warns or worst_severity(result.findings) is Severity.ERROR


def _grave(result: CheckResult) -> bool:
    return worst_severity(result.findings) in (Severity.ERROR, Severity.WARNING)


def _causes(result: CheckResult) -> frozenset[str]:
    each = [one.caused_by or () for one in result.findings if one.severity != Severity.INFO]
    return frozenset().union(*each) if all(each) else frozenset()


def _explained_by(ids: Iterable[str], causes: Causes) -> set[str]:
    """Everything that follows from these, directly or through others."""
    explained: set[str] = set()
    reached = set(ids)
    while more := {id for id, why in causes.items() if why & reached} - reached:
        explained |= more
        reached |= more
    return explained


def _root(id: str, graves: Mapping[str, CheckResult], causes: Causes) -> Root:
    explains = tuple(sorted(_explained_by([id], causes) - {id}))
    title = next(one.title for one in graves[id].findings if one.severity != Severity.INFO)
    return Root(id, explains, title)


def _rank(root: Root, graves: Mapping[str, CheckResult]) -> tuple[int, bool, int, int, str]:
    involved = (graves[id] for id in (root.id, *root.explains))
    severities = (worst_severity(result.findings) or Severity.INFO for result in involved)
    worst = min(_SEVERITY.index(severity) for severity in severities)
    outage = OUTAGE in (root.id, *root.explains)
    return worst, not outage, -len(root.explains), _nearness(graves[root.id]), root.id


def _nearness(result: CheckResult) -> int:
    category = result.check.category
    return NEARNESS.index(category) if category in NEARNESS else len(NEARNESS)
