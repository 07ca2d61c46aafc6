"""One status line with performance data, then the root causes: for Nagios, Icinga, Naemon, Checkmk.

The exit code is the contract's, as in every format; docs/runbooks.md has the wrapper that makes
Nagios' own of the first line's word.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.diagnosis.report import Report
from tabbydoctor.reports.check_document import check_document
from tabbydoctor.reports.documents.check import CheckDocument
from tabbydoctor.reports.visible import visible

_MOST_ROOTS = 10
_MOST_LETTERS = 300
"""Of a line: Nagios takes some 8 KB in all."""


def render(report: Report) -> str:
    """The report in a line, and the root causes in a line each."""
    document = check_document(report)
    first = f"TABBYDOCTOR {_word(document)} - {_said(document.verdict)} | {_data(document)}"
    return "".join(f"{line}\n" for line in [first, *_roots(document)])


def failure(message: str, hint: str, exit_code: int) -> str:
    """UNKNOWN, and why."""
    return f"TABBYDOCTOR UNKNOWN - {_said(message)}\n" + (f"{_said(hint)}\n" if hint else "")


def _word(document: CheckDocument) -> str:
    if document.exit_code != 1:
        return "UNKNOWN" if document.exit_code else "OK"
    return "CRITICAL" if document.summary.failed else "WARNING"


def _roots(document: CheckDocument) -> Iterator[str]:
    shown = document.diagnosis[:_MOST_ROOTS]
    for root in shown:
        way = root.remedies[0].title if root.remedies else ""
        yield _said(f"{root.severity} {root.root}: {root.summary}{f' -> {way}' if way else ''}")
    if further := len(document.diagnosis) - len(shown):
        yield f"and {further} more"


def _data(document: CheckDocument) -> str:
    """`label=value[unit];warn;crit;min;max`: an error is critical, a warning warns."""
    summary, most = document.summary, len(document.checks)
    limits = {"failed": ";0", "warning": "0;"}
    counts = (
        f"{name}={getattr(summary, name)};{limits.get(name, ';')};0;{most}"
        for name in summary.__struct_fields__
    )
    return " ".join((*counts, f"time={document.duration_ms / 1000:.3f}s;;;0"))


def _said(text: str) -> str:
    """One line without the bar, behind which performance data would stand."""
    line = visible(text).replace("|", "/")
    return line if len(line) <= _MOST_LETTERS else f"{line[: _MOST_LETTERS - 1]}…"
