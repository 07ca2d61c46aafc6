"""Markdown to paste into an issue: what was found, on what, and what could not be told.

The machine's name is left out. Nothing in it mentions a person, links an issue or is HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tabbydoctor.diagnosis.report import Report
from tabbydoctor.reports.check_document import check_document
from tabbydoctor.reports.documents.check import CheckDocument, FindingPart, ResultPart
from tabbydoctor.reports.formats.words import evidence_text, reason_text, remedy_lines
from tabbydoctor.reports.visible import visible, visible_lines

_CODE = re.compile(r"`[^`]+`|\S*(?:@|#\d)\S*")
"""What was code already, and words that a forge would take for a person or an issue."""
_MARKS = re.compile(r"([\\`*_{}\[\]<>&#|~])")
_TICKS = re.compile(r"`+")


def render(report: Report) -> str:
    """The report as one text with headings."""
    document = check_document(report)
    return "\n".join(_lines(document)).rstrip("\n") + "\n"


def failure(message: str, hint: str, exit_code: int) -> str:
    """Why there is no report."""
    said = "\n\n".join(_text(one) for one in (message, hint) if one)
    return f"### tabbydoctor could not run\n\n{said}\n"


def _lines(document: CheckDocument) -> Iterator[str]:
    by_id = {result.id: result for result in document.checks}
    roots = [root.root for root in document.diagnosis]
    yield from (f"### {_text(document.verdict)}", "", "| | |", "|---|---|")
    yield from (f"| {name} | {_cell(value)} |" for name, value in _facts(document) if value)
    yield ""
    for root in document.diagnosis:
        yield from _findings(by_id[root.root], "####")
        if root.explains:
            yield from (f"Explains {', '.join(root.explains)}.", "")
    others = [one for id, one in by_id.items() if one.findings and id not in roots]
    if others:
        yield from ("<details>", "<summary>Consequences and remarks</summary>", "")
        for result in others:
            yield from _findings(result, "#####")
        yield from ("</details>", "")
    yield from _untold(document.checks)


def _facts(document: CheckDocument) -> Iterable[tuple[str, str]]:
    deployment, counts = document.deployment, document.summary
    router = deployment.router
    told = ((getattr(counts, name), name) for name in counts.__struct_fields__)
    return (
        ("tabbydoctor", document.tabbydoctor),
        ("TabbyAPI", deployment.tabbyapi_version or "version not known"),
        ("unit", deployment.unit or ""),
        ("container", deployment.container or ""),
        ("described by", deployment.description or ""),
        ("router", ", ".join(filter(None, (router.kind, router.unit))) if router else ""),
        ("checks", ", ".join(f"{number} {name}" for number, name in told if number)),
    )


def _findings(result: ResultPart, heading: str) -> Iterator[str]:
    for finding in result.findings:
        yield f"{heading} {result.id} {_text(finding.title)}"
        yield ""
        yield from _finding(finding, result.name)


def _finding(finding: FindingPart, name: str) -> Iterator[str]:
    yield f"{finding.severity}, `{name}`"
    yield ""
    if finding.detail:
        yield from (_text(line) for line in finding.detail.split("\n"))
        yield ""
    if finding.evidence:
        yield from _fence(evidence_text(one) for one in finding.evidence)
    for remedy in finding.remedies:
        yield f"{_text(remedy.title)} ({remedy.safety})"
        yield ""
        if lines := list(remedy_lines(remedy)):
            yield from _fence(lines)


def _untold(results: Iterable[ResultPart]) -> Iterator[str]:
    untold = [one for one in results if one.status in ("unknown", "crashed")]
    if untold:
        yield from ("#### Could not be told", "")
        for one in untold:
            yield f"- {one.id} `{one.name}`, {one.status}: {_text(reason_text(one.reason))}"


def _fence(lines: Iterable[str]) -> Iterator[str]:
    text = visible_lines("\n".join(lines))
    marks = "`" * max(3, 1 + _longest(text))
    yield from (f"{marks}text", text, marks, "")


def _cell(text: str) -> str:
    return _code(visible(text)).replace("|", "\\|")


def _text(text: str) -> str:
    """One line in which nothing is markup but what is code."""
    text, parts, at = visible(text), [], 0
    for found in _CODE.finditer(text):
        parts += [_MARKS.sub(r"\\\1", text[at : found.start()]), _code(found[0].strip("`"))]
        at = found.end()
    return "".join((*parts, _MARKS.sub(r"\\\1", text[at:])))


def _code(text: str) -> str:
    marks = "`" * (1 + _longest(text))
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{marks}{space}{text}{space}{marks}" if text else ""


def _longest(text: str) -> int:
    return max((len(run) for run in _TICKS.findall(text)), default=0)
