"""A report as it may leave the doctor: every string in it without secrets."""

from __future__ import annotations

from tabbydoctor.diagnosis.finding import Evidence, Finding, Remedy
from tabbydoctor.diagnosis.report import CheckResult, Report
from tabbydoctor.invocation import typed
from tabbydoctor.records import replace
from tabbydoctor.redaction import redact, redact_all


def redacted(report: Report) -> Report:
    """The same report without secrets."""
    return replace(
        report,
        deployment=redact_all(report.deployment),
        results=tuple(_result(result) for result in report.results),
        roots=tuple(replace(root, summary=redact(root.summary)) for root in report.roots),
        notes=tuple(redact(note) for note in report.notes),
    )


def _result(result: CheckResult) -> CheckResult:
    return replace(
        result,
        reason=_maybe(result.reason),
        findings=tuple(_finding(finding) for finding in result.findings),
    )


def _finding(finding: Finding) -> Finding:
    return replace(
        finding,
        title=redact(finding.title),
        detail=redact(finding.detail),
        evidence=tuple(
            Evidence(redact(one.source), _maybe(one.expected), _maybe(one.actual))
            for one in finding.evidence
        ),
        remedies=tuple(
            Remedy(
                redact(one.title),
                one.safety,
                commands=tuple(redact(typed(line)) for line in one.commands),
                nix=tuple(redact(line) for line in one.nix),
                lines=tuple(redact(line) for line in one.lines),
            )
            for one in finding.remedies
        ),
    )


def _maybe(text: str | None) -> str | None:
    return None if text is None else redact(text)
