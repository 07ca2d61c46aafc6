"""SARIF 2.1.0 (OASIS), for code scanning: a rule a check that found something, a result a finding.

What a check could not tell is a notification of the run, never a result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from msgspec import to_builtins

from tabbydoctor import __version__
from tabbydoctor.diagnosis.check import Check
from tabbydoctor.diagnosis.finding import Severity
from tabbydoctor.diagnosis.report import Report
from tabbydoctor.reports.check_document import check_document
from tabbydoctor.reports.documents.base import plain
from tabbydoctor.reports.documents.check import CheckDocument, FindingPart
from tabbydoctor.reports.formats.places import SeenPlace, place_of, places_of
from tabbydoctor.reports.formats.words import finding_text, reason_text
from tabbydoctor.reports.json_report import dumps

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render(report: Report) -> str:
    """The report as a log of one run."""
    document = check_document(report)
    used = [one.check for one in report.results if one.findings]
    numbers = {check.id: number for number, check in enumerate(used)}
    started = document.started_at.replace("+00:00", "Z")
    return _log(
        rules=[_rule(check) for check in used],
        results=[
            _result(document, finding, numbers)
            for result in document.checks
            for finding in result.findings
        ],
        invocation={
            "executionSuccessful": document.exit_code != 2,
            "exitCode": document.exit_code,
            "startTimeUtc": started,
            "toolExecutionNotifications": list(_notifications(document)),
        },
        properties={"verdict": document.verdict, "diagnosis": plain(document)["diagnosis"]},
    )


def failure(message: str, hint: str, exit_code: int) -> str:
    """A run that did not succeed, with the reason."""
    said = _notification("error", f"{message}\n{hint}".strip())
    invocation = {
        "executionSuccessful": False,
        "exitCode": exit_code,
        "toolExecutionNotifications": [said],
    }
    return _log(rules=[], results=[], invocation=invocation, properties={})


def _log(
    *,
    rules: list[dict[str, Any]],
    results: list[dict[str, Any]],
    invocation: Mapping[str, Any],
    properties: Mapping[str, Any],
) -> str:
    driver = {"name": "tabbydoctor", "semanticVersion": __version__, "rules": rules}
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "results": results,
        "columnKind": "unicodeCodePoints",
    }
    if properties:
        run["properties"] = properties
    return dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def _rule(check: Check) -> dict[str, Any]:
    """A check by its page: the first sentence, what it checks, and the whole."""
    first, _, rest = check.page.partition("\n\n")
    checked = rest.removeprefix("## What it checks\n").partition("\n## ")[0]
    short = " ".join(first.split())
    return {
        "id": check.id,
        "name": "".join(word.capitalize() for word in check.name.split("-")),
        "shortDescription": {"text": short},
        "fullDescription": {"text": " ".join(checked.split()) or short},
        "help": {"text": check.page, "markdown": check.page},
        "defaultConfiguration": {"level": _LEVELS[check.severity]},
        "properties": {"name": check.name, "tags": [check.category]},
    }


def _result(
    document: CheckDocument, finding: FindingPart, rules: Mapping[str, int]
) -> dict[str, Any]:
    fields: dict[str, Any] = to_builtins(finding, enc_hook=str)
    places = places_of(finding) or (_whole(document),)
    return {
        "ruleId": finding.id,
        "ruleIndex": rules[finding.id],
        "level": _LEVELS[finding.severity],
        "message": {"text": finding_text(finding)},
        "locations": [_location(places[0], finding)],
        "relatedLocations": [_location(place, finding) for place in places[1:]],
        "partialFingerprints": {"tabbydoctor/v1": _fingerprint(finding)},
        "properties": {name: fields[name] for name in ("caused_by", "evidence", "remedies")},
    }


def _whole(document: CheckDocument) -> SeenPlace:
    """What was judged, for a finding that no file shows: code scanning takes none without one."""
    deployment = document.deployment
    files = (deployment.description, *reversed(deployment.config_files), deployment.dir)
    return next((place for path in files if path and (place := place_of(path))), SeenPlace("/"))


def _location(place: SeenPlace, finding: FindingPart) -> dict[str, Any]:
    path = quote(place.path, errors="surrogatepass")
    physical: dict[str, Any] = {
        "artifactLocation": {"uri": f"file://{path}" if path.startswith("/") else path}
    }
    if place.line:
        physical["region"] = {"startLine": place.line}
    elsewhere = [
        {"fullyQualifiedName": one.source, "kind": "resource"}
        for one in finding.evidence
        if place_of(one.source) is None
    ]
    where: dict[str, Any] = {"physicalLocation": physical}
    return {**where, "logicalLocations": elsewhere} if elsewhere else where


def _fingerprint(finding: FindingPart) -> str:
    """The same finding of another run, wherever its line has moved to."""
    places = sorted({place.path for place in places_of(finding)})
    told = "\0".join((finding.id, *(places or [finding.title])))
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:32]


def _notifications(document: CheckDocument) -> Iterator[dict[str, Any]]:
    for result in document.checks:
        if result.status in ("unknown", "crashed"):
            level = "warning" if result.status == "unknown" else "error"
            said = f"{result.id} {result.name}: {result.status}: {reason_text(result.reason)}"
            yield _notification(level, said)
    if document.exit_code == 2:
        yield _notification("error", document.verdict)


def _notification(level: str, said: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": said}}
