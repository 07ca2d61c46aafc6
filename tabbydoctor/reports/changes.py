"""What changed between two runs: for a log that says each thing once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from tabbydoctor.reports.documents.check import CheckDocument

SaidBefore = Mapping[str, str]
"""What is wrong -> in words. Findings of one check and severity are one entry: a title holds
figures that change with each run."""
_RUN = "tabbydoctor"


def said_of(document: CheckDocument) -> SaidBefore:
    """What a report says is wrong, or could not be told."""
    said: dict[str, str] = {}
    for result in document.checks:
        for finding in result.findings:
            if finding.severity != "info":
                said.setdefault(f"{finding.severity} {result.id}", finding.title)
        if result.status in ("unknown", "crashed"):
            said[f"{result.status} {result.id}"] = result.reason or result.name
    return said


def said_of_failure(message: str) -> SaidBefore:
    """What a run says that could not be made."""
    return {f"error {_RUN}": message}


def changes(before: SaidBefore | None, after: SaidBefore) -> Iterator[str]:
    """A line for each thing that came or went; all that is there where nothing was recorded."""
    known = before or {}
    for what, words in after.items():
        if what not in known:
            yield f"{what}: {words}"
    for what, words in known.items():
        if what not in after:
            yield f"gone: {what}: {words}"
    if before is None and not after:
        yield "nothing is wrong"


def record_text(said: SaidBefore) -> str:
    """What is kept for the next run."""
    return json.dumps({"schema_version": 1, "said": dict(said)}, indent=1) + "\n"


def recorded(text: str) -> SaidBefore | None:
    """What an earlier run kept; None where it is no such record."""
    try:
        said = json.loads(text)["said"]
        return {str(what): str(words) for what, words in said.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
