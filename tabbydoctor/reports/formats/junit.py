"""JUnit's XML, as Jenkins, GitLab and others show it: a suite a category, a case a check.

A case fails where the check counts under `--fail-on`; what does not count is no failure there
either: a warning is in its output, and what could not be judged is skipped with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from tabbydoctor.diagnosis.report import Report
from tabbydoctor.diagnosis.verdict import counts
from tabbydoctor.reports.check_document import check_document
from tabbydoctor.reports.documents.check import CheckDocument, ResultPart
from tabbydoctor.reports.formats.words import finding_text, reason_text
from tabbydoctor.reports.visible import visible, visible_lines

_NAME = "tabbydoctor"
_UNJUDGED = ("skipped", "unknown", "crashed")


def render(report: Report) -> str:
    """The report as one `testsuites`."""
    document = check_document(report)
    suites = Element("testsuites", name=_NAME)
    ordered = sorted(document.checks, key=lambda result: result.category)
    for category, results in groupby(ordered, key=lambda result: result.category):
        _suite(suites, document, category, list(results))
    if document.exit_code == 2:
        suite = SubElement(suites, "testsuite", name=_NAME)
        _error(suite, "nothing was judged", document.verdict)
    return _written(suites)


def failure(message: str, hint: str, exit_code: int) -> str:
    """One case in error."""
    suites = Element("testsuites", name=_NAME)
    suite = SubElement(suites, "testsuite", name=_NAME)
    _error(suite, "interrupted" if exit_code == 130 else "could not run", f"{message}\n{hint}")
    return _written(suites)


def _suite(
    suites: Element, document: CheckDocument, category: str, results: Iterable[ResultPart]
) -> None:
    suite = SubElement(suites, "testsuite", name=f"{_NAME}.{visible(category)}")
    suite.set("hostname", visible(document.host))
    suite.set("timestamp", document.started_at.partition(".")[0].partition("+")[0])
    for result in results:
        name = visible(f"{result.id} {result.name}")
        case = SubElement(suite, "testcase", classname=suite.attrib["name"], name=name)
        case.set("time", f"{result.duration_ms / 1000:.3f}")
        _outcome(case, result, counts(result.status, document.fail_on))


def _outcome(case: Element, result: ResultPart, counted: bool) -> None:
    said = "\n\n".join(map(finding_text, result.findings))
    if result.status in _UNJUDGED:
        word = "" if result.status == "skipped" else f"{result.status}: "
        tag = "error" if counted else "skipped"
        SubElement(case, tag, message=word + reason_text(result.reason), type=result.status)
    elif counted:
        title = visible(result.findings[0].title if result.findings else result.name)
        SubElement(case, "failure", message=title, type=result.status).text = said
    elif said:
        SubElement(case, "system-out").text = said


def _error(suite: Element, name: str, said: str) -> None:
    case = SubElement(suite, "testcase", classname=_NAME, name=name)
    message = visible(said.partition("\n")[0])
    SubElement(case, "error", message=message, type="error").text = visible_lines(said.strip())


def _written(suites: Element) -> str:
    for suite in suites:
        _count(suite, list(suite))
    _count(suites, [case for suite in suites for case in suite])
    indent(suites)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{tostring(suites, 'unicode')}\n"


def _count(element: Element, cases: list[Element]) -> None:
    element.set("tests", str(len(cases)))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(name, str(sum(case.find(tag) is not None for case in cases)))
    element.set("time", f"{sum(float(case.get('time', 0)) for case in cases):.3f}")
