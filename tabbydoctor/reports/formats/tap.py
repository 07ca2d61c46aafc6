"""TAP, the Test Anything Protocol, version 14: a test point a check.

`not ok` is what counts under `--fail-on`. A warning that does not is `not ok # TODO`, which fails
no harness; what could not be judged is skipped with the reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tabbydoctor.diagnosis.report import Report
from tabbydoctor.diagnosis.verdict import counts
from tabbydoctor.reports.check_document import check_document
from tabbydoctor.reports.documents.check import FindingPart, ResultPart
from tabbydoctor.reports.formats.words import evidence_text, reason_text, remedy_lines
from tabbydoctor.reports.visible import visible

_VERSION = "TAP version 14\n"
_SPECIAL = re.compile(r"[\\#]")


def render(report: Report) -> str:
    """The report as a plan and its test points."""
    document = check_document(report)
    lines = [f"1..{len(document.checks)}", f"# {visible(document.verdict)}"]
    for number, result in enumerate(document.checks, start=1):
        lines += _point(number, result, counts(result.status, document.fail_on))
    if document.exit_code == 2:
        lines.append("Bail out! nothing was judged")
    return _VERSION + "".join(f"{line}\n" for line in lines)


def failure(message: str, hint: str, exit_code: int) -> str:
    """A bail out, without a plan."""
    return f"{_VERSION}Bail out! {visible(message)}{f' ({visible(hint)})' if hint else ''}\n"


def _point(number: int, result: ResultPart, counted: bool) -> Iterator[str]:
    said = f"{number} - {_escaped(f'{result.id} {result.name}')}"
    reason = _escaped(reason_text(result.reason))
    if result.status == "passed":
        yield f"ok {said}"
    elif result.status == "skipped":
        yield f"ok {said} # SKIP {reason}"
    elif not result.findings and not counted:
        yield f"ok {said} # SKIP {result.status}: {reason}"
    elif not result.findings:
        yield f"not ok {said}"
        yield from _block({"status": result.status, "reason": reason_text(result.reason)})
    else:
        remark = result.status == "info"
        todo = "" if counted or remark else f" # TODO {result.status}"
        yield f"{'ok' if remark else 'not ok'} {said}{todo}"
        yield from _block(_diagnostic(result))


def _diagnostic(result: ResultPart) -> dict[str, Any]:
    return {"status": result.status, "findings": [_finding(one) for one in result.findings]}


def _finding(finding: FindingPart) -> dict[str, Any]:
    return {
        "severity": str(finding.severity),
        "title": finding.title,
        "detail": finding.detail,
        "caused_by": finding.caused_by,
        "evidence": [evidence_text(one) for one in finding.evidence],
        "remedies": [
            {"title": one.title, "safety": str(one.safety), "lines": [*remedy_lines(one)]}
            for one in finding.remedies
        ],
    }


def _block(value: Any) -> Iterator[str]:
    yield "  ---"
    yield from (f"  {line}" for line in _yaml(value))
    yield "  ..."


def _yaml(value: Any) -> Iterator[str]:
    """YAML in blocks, its scalars as JSON writes them."""
    for key, inner in value.items():
        if not inner or not isinstance(inner, list):
            yield f"{key}: {_scalar(inner)}"
            continue
        yield f"{key}:"
        for item in inner:
            lines = list(_yaml(item)) if isinstance(item, dict) else [_scalar(item)]
            yield from (f"{'- ' if at == 0 else '  '}{line}" for at, line in enumerate(lines))


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        value = "\n".join(map(visible, value.split("\n")))
    return json.dumps(value, ensure_ascii=False)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", visible(text))
