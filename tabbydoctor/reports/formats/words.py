"""A finding in lines of plain text, for the formats that have a place for some."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UNSET

from tabbydoctor.reports.documents.check import EvidencePart, FindingPart, RemedyPart
from tabbydoctor.reports.visible import visible, visible_lines


def finding_text(finding: FindingPart) -> str:
    """Everything that a finding says, its title first; no character in it is invisible."""
    return visible_lines("\n".join(_lines(finding)))


def reason_text(reason: str | None) -> str:
    """Why there is no judgement, in one line."""
    return visible(reason or "no reason is given")


def evidence_text(evidence: EvidencePart) -> str:
    """What was seen, in one line unless the values have several."""
    compared = [
        f"{word} {value}"
        for word, value in (("expected", evidence.expected), ("found", evidence.actual))
        if value is not UNSET
    ]
    return f"{evidence.source}: {', '.join(compared)}" if compared else evidence.source


def remedy_lines(remedy: RemedyPart) -> Iterator[str]:
    """The lines to write by hand, then the commands to paste."""
    for lines in (remedy.nix, remedy.lines):
        yield from lines or ()
    yield from remedy.commands


def _lines(finding: FindingPart) -> Iterator[str]:
    yield finding.title or finding.id
    if finding.detail:
        yield finding.detail
    if finding.caused_by:
        yield f"May follow from {', '.join(finding.caused_by)}."
    for evidence in finding.evidence:
        yield f"Seen: {evidence_text(evidence)}"
    for remedy in finding.remedies:
        yield f"Remedy ({remedy.safety}): {remedy.title}"
        for line in remedy_lines(remedy):
            yield "\n".join(f"    {one}" for one in line.split("\n"))
