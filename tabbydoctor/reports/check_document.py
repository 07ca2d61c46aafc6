"""From a report to the document of `check`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from msgspec import UNSET

from tabbydoctor.diagnosis.finding import Evidence, Finding
from tabbydoctor.diagnosis.report import CheckResult, Report
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


def check_document(report: Report) -> CheckDocument:
    """The document of one run of `check`."""
    return CheckDocument(
        tabbydoctor=report.version,
        started_at=report.started_at,
        duration_ms=report.duration_ms,
        deployment=_deployment(report.deployment),
        checks=[_result(result) for result in report.results],
        diagnosis=[
            RootPart(root=root.id, explains=list(root.explains), summary=root.summary)
            for root in report.roots
        ],
        summary=SummaryPart(**report.summary),
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
        remedies=[
            RemedyPart(
                title=remedy.title,
                safety=remedy.safety,
                commands=list(remedy.commands),
                nix=list(remedy.nix) or UNSET,
            )
            for remedy in finding.remedies
        ],
    )


def _evidence(evidence: Evidence) -> EvidencePart:
    return EvidencePart(
        source=evidence.source,
        expected=UNSET if evidence.expected is None else evidence.expected,
        actual=UNSET if evidence.actual is None else evidence.actual,
    )
