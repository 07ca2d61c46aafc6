"""JSON Lines (jsonlines.org): the document in lines that a log shipper takes one by one.

Each line has its `type`: `run` first, then a `root` for each root cause, then a `check` each. All
fields are those of the JSON document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tabbydoctor.diagnosis.report import Report
from tabbydoctor.reports.check_document import check_document
from tabbydoctor.reports.documents.base import SCHEMA_VERSION, plain
from tabbydoctor.reports.json_report import dumps, error_document


def render(report: Report) -> str:
    """The report, a line for the run, for each root cause and for each check."""
    document = plain(check_document(report))
    checks, roots = document.pop("checks"), document.pop("diagnosis")
    run = {name: document[name] for name in ("host", "started_at")}
    return _lines(
        [
            _line("run", document),
            *(_line("root", {**run, **root}) for root in roots),
            *(_line("check", {**run, **check}) for check in checks),
        ]
    )


def failure(message: str, hint: str, exit_code: int) -> str:
    """One line of type `error`."""
    return _lines([_line("error", error_document(message, hint, exit_code))])


def _line(type: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, "type": type, **fields}


def _lines(documents: Iterable[Mapping[str, Any]]) -> str:
    return "".join(f"{dumps(document, indent=None)}\n" for document in documents)
