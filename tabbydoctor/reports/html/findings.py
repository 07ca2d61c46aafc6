"""What one check found: evidence beside what was expected, and the remedies to paste."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

from msgspec import UNSET

from tabbydoctor.reports.documents.check import EvidencePart, FindingPart, RemedyPart, ResultPart
from tabbydoctor.reports.html.markup import Markup, element
from tabbydoctor.reports.shell import command_lines
from tabbydoctor.reports.visible import visible

_NO_ANCHOR = re.compile(r"[^\w-]")
_SAFETY = {
    "safe": "safe: loses nothing, lowers no protection",
    "unsafe": "may interrupt service or change behaviour",
    "manual": "by hand",
}


def result_article(result: ResultPart, relation: Markup | None = None) -> Markup:
    """All that a check found, with what it is related to."""
    findings = (_finding(result, finding) for finding in result.findings)
    return element("article", *findings, relation, id=_anchor(result.id), class_=result.status)


def link_to(id: str) -> Markup:
    """A link to what a check found."""
    return element("a", id, href=f"#{_anchor(id)}")


def _anchor(id: str) -> str:
    return _NO_ANCHOR.sub("-", id)


def _finding(result: ResultPart, finding: FindingPart) -> Markup:
    label = element("span", str(finding.severity), class_=f"severity {finding.severity}")
    return element(
        "section",
        element("p", label, " ", element("b", result.id), " ", result.name, class_="kind"),
        element("h3", visible(finding.title) or result.name),
        element("p", finding.detail, class_="detail") if finding.detail else None,
        *map(_evidence, finding.evidence),
        *_remedies(finding.remedies),
        class_="finding",
    )


def _evidence(evidence: EvidencePart) -> Markup:
    compared = (("expected", evidence.expected), ("found", evidence.actual))
    values = (
        element("div", element("dt", word), element("dd", value or "(empty)"), class_=word)
        for word, value in compared
        if value is not UNSET
    )
    source = element("div", element("dt", "seen"), element("dd", evidence.source), class_="seen")
    return element("dl", source, *values, class_="evidence")


def _remedies(remedies: Iterable[RemedyPart]) -> Iterator[Markup]:
    found = [_remedy(remedy) for remedy in remedies]
    if found:
        word = "Remedy" if len(found) == 1 else "Remedies, the best first"
        yield element("h4", word)
        yield element("ol", *found, class_="remedies")


def _remedy(remedy: RemedyPart) -> Markup:
    safety = element("span", _SAFETY[remedy.safety], class_=f"safety {remedy.safety}")
    by_hand = (lines for lines in (remedy.nix, remedy.lines) if lines)
    return element(
        "li",
        element("p", remedy.title, " ", safety),
        *(_pasted("\n".join(lines)) for lines in by_hand),
        *(_pasted("\n".join(command_lines(one, sys.maxsize))) for one in remedy.commands),
    )


def _pasted(lines: str) -> Markup:
    """What a click selects as a whole. It wraps on the page alone, not when it is copied."""
    return element("pre", element("code", lines))
