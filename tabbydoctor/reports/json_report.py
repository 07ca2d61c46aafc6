"""The machine output of `check`: one JSON document, whatever happens."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, TextIO

from tabbydoctor.diagnosis.finding import Evidence, Finding
from tabbydoctor.diagnosis.report import CheckResult, Report
from tabbydoctor.reports.visible import visible_json

SCHEMA_VERSION = 1
_SURROGATE = re.compile("[\ud800-\udfff]")


class JsonReporter:
    """`check --format json`."""

    name = "json"

    def write(self, report: Report, stream: TextIO, *, verbose: bool) -> None:
        """Write the document; `verbose` adds nothing, everything is in it."""
        write_document(to_document(report), stream)


def to_document(report: Report) -> dict[str, Any]:
    """The document of one run of `check`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tabbydoctor": report.version,
        "started_at": report.started_at,
        "duration_ms": report.duration_ms,
        "deployment": dict(report.deployment),
        "checks": [_result(result) for result in report.results],
        "diagnosis": [
            {"root": root.id, "explains": list(root.explains), "summary": root.summary}
            for root in report.roots
        ],
        "summary": dict(report.summary),
        "exit_code": report.exit_code,
    }


def error_document(message: str, hint: str, exit_code: int) -> dict[str, Any]:
    """The document in place of any other when a command could not run."""
    return {
        "schema_version": SCHEMA_VERSION,
        "error": {"message": message, "hint": hint},
        "exit_code": exit_code,
    }


def dumps(document: Mapping[str, Any]) -> str:
    """A document as text that UTF-8 can hold: lone surrogates become U+FFFD.

    What cannot be seen is escaped: controls and marks of direction that JSON would let through.
    """
    text = json.dumps(_plain(document), ensure_ascii=False, indent=2, allow_nan=False)
    return visible_json(_SURROGATE.sub("\ufffd", text))


def write_document(document: Mapping[str, Any], stream: TextIO) -> None:
    """Write a document and a line end, in UTF-8 whatever the locale says (RFC 8259)."""
    text = dumps(document) + "\n"
    binary = getattr(stream, "buffer", None)
    if binary is None:
        stream.write(text)
        return
    stream.flush()
    binary.write(text.encode("utf-8"))
    binary.flush()


def _plain(value: object) -> Any:
    """A value as JSON has it; what JSON lacks (dates, infinities, paths) as its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return str(value)


def _result(result: CheckResult) -> dict[str, Any]:
    return {
        "id": result.check.id,
        "name": result.check.name,
        "category": result.check.category,
        "status": result.status,
        "reason": result.reason,
        "duration_ms": result.duration_ms,
        "findings": [_finding(result, finding) for finding in result.findings],
    }


def _finding(result: CheckResult, finding: Finding) -> dict[str, Any]:
    causes = result.check.caused_by if finding.caused_by is None else finding.caused_by
    return {
        "id": result.check.id,
        "severity": str(finding.severity or result.check.severity),
        "title": finding.title,
        "detail": finding.detail,
        "evidence": [_evidence(evidence) for evidence in finding.evidence],
        "caused_by": list(causes),
        "remedies": [
            {
                "title": remedy.title,
                "safety": str(remedy.safety),
                "commands": list(remedy.commands),
                **({"nix": list(remedy.nix)} if remedy.nix else {}),
            }
            for remedy in finding.remedies
        ],
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    seen = {"expected": evidence.expected, "actual": evidence.actual}
    return {
        "source": evidence.source,
        **{name: value for name, value in seen.items() if value is not None},
    }
