"""Workflow commands of GitHub Actions: an annotation a finding, at its file and line.

What comes from files and logs is escaped, so that no line of it is a command of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.diagnosis.finding import Severity
from tabbydoctor.diagnosis.report import Report
from tabbydoctor.reports.check_document import check_document
from tabbydoctor.reports.documents.check import FindingPart, ResultPart
from tabbydoctor.reports.formats.places import places_of
from tabbydoctor.reports.formats.words import finding_text, reason_text
from tabbydoctor.reports.visible import visible, visible_lines

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def render(report: Report) -> str:
    """The report as annotations, the verdict last: the log shows it at the end."""
    document = check_document(report)
    lines = [line for result in document.checks for line in _annotations(result)]
    level = "error" if document.exit_code else "notice"
    return "".join([*lines, _command(level, document.verdict, title="tabbydoctor")])


def failure(message: str, hint: str, exit_code: int) -> str:
    """One error."""
    return _command("error", f"{message}\n{hint}".strip(), title="tabbydoctor could not run")


def _annotations(result: ResultPart) -> Iterator[str]:
    title = f"{result.id} {result.name}"
    if result.status in ("unknown", "crashed"):
        yield _command("notice", reason_text(result.reason), title=f"{title}: {result.status}")
    for finding in result.findings:
        yield _command(_LEVELS[finding.severity], finding_text(finding), **_place(finding, title))


def _place(finding: FindingPart, title: str) -> dict[str, str]:
    where: dict[str, str] = {}
    for place in places_of(finding)[:1]:
        where["file"] = place.path
        if place.line:
            where["line"] = str(place.line)
    return {**where, "title": title}


def _command(level: str, said: str, **properties: str) -> str:
    given = ",".join(
        f"{name}={visible(value).translate(_PROPERTY)}" for name, value in properties.items()
    )
    return f"::{level} {given}::{visible_lines(said).translate(_DATA)}\n"
