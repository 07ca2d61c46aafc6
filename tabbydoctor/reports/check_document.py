"""From a report to the document of `check`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from msgspec import UNSET

from tabbydoctor.diagnosis.finding import Evidence, Finding, Remedy, Severity
from tabbydoctor.diagnosis.report import CheckResult, Report, Root
from tabbydoctor.diagnosis.runner import worst_severity
from tabbydoctor.reports.documents.check import (
    CheckDocument,
    DeploymentPart,
    EvidencePart,
    FindingPart,
    RemedyPart,
    ResultPart,
    RootPart,
    RouterPart,
    SummaryPart,
)
from tabbydoctor.reports.outline import Outline, outline, verdict


def check_document(report: Report) -> CheckDocument:
    """The document of one run of `check`."""
    told = outline(report)
    return CheckDocument(
        tabbydoctor=report.version,
        host=report.host,
        verdict=verdict(told),
        started_at=report.started_at,
        duration_ms=report.duration_ms,
        deployment=_deployment(report.deployment),
        checks=[_result(result) for result in report.results],
        diagnosis=[_root(told, root) for root in report.roots],
        summary=SummaryPart(**report.summary),
        fail_on=report.fail_on,
        exit_code=cast("Literal[0, 1, 2]", report.exit_code),
    )


def _deployment(found: Mapping[str, Any]) -> DeploymentPart:
    router = found.get("router")
    return DeploymentPart(**{**found, "router": RouterPart(**router) if router else None})


def _result(result: CheckResult) -> ResultPart:
    return ResultPart(
        id=result.check.id,
        name=result.check.name,
        category=result.check.category,
        status=result.status,
        reason=result.reason,
        duration_ms=result.duration_ms,
        findings=[_finding(result, finding) for finding in result.findings],
    )


def _finding(result: CheckResult, finding: Finding) -> FindingPart:
    causes = result.check.caused_by if finding.caused_by is None else finding.caused_by
    return FindingPart(
        id=result.check.id,
        severity=finding.severity or result.check.severity,
        title=finding.title,
        detail=finding.detail,
        evidence=[_evidence(evidence) for evidence in finding.evidence],
        caused_by=list(causes),
        remedies=[_remedy(remedy) for remedy in finding.remedies],
    )


def _root(told: Outline, root: Root) -> RootPart:
    faults = told.faults(root.id)
    return RootPart(
        root=root.id,
        explains=list(root.explains),
        summary=root.summary,
        severity=worst_severity(faults) or Severity.INFO,
        category=told.results[root.id].check.category if root.id in told.results else "",
        remedies=[_remedy(remedy) for fault in faults[:1] for remedy in fault.remedies],
    )


def _remedy(remedy: Remedy) -> RemedyPart:
    return RemedyPart(
        title=remedy.title,
        safety=remedy.safety,
        commands=list(remedy.commands),
        nix=list(remedy.nix) or UNSET,
        lines=list(remedy.lines) or UNSET,
    )


def _evidence(evidence: Evidence) -> EvidencePart:
    return EvidencePart(
        source=evidence.source,
        expected=UNSET if evidence.expected is None else evidence.expected,
        actual=UNSET if evidence.actual is None else evidence.actual,
    )
