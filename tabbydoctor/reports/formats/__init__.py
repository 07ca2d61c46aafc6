"""The formats that other programs read: one module each, imported when it is asked for.

A module has two functions: `render` writes a report, and `failure` what stands in its place where
the doctor could not run. Both are text in UTF-8 and tell the same facts in the same bytes, but for
the moment and the durations.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, TextIO

from tabbydoctor.diagnosis.report import Report
from tabbydoctor.records import dataclass
from tabbydoctor.reports.json_report import error_document, write_document, write_utf8

_ROOM = "tabbydoctor.reports.formats"
FORMATS: Mapping[str, str] = {
    "jsonl": f"{_ROOM}.jsonl",
    "junit": f"{_ROOM}.junit",
    "sarif": f"{_ROOM}.sarif",
    "tap": f"{_ROOM}.tap",
    "nagios": f"{_ROOM}.nagios",
    "prometheus": f"{_ROOM}.prometheus",
    "markdown": f"{_ROOM}.markdown",
    "html": f"{_ROOM}.html",
    "github": f"{_ROOM}.github",
}
"""Name -> module."""


@dataclass(slots=True)
class LazyReporter:
    """A format whose module is imported when it is written."""

    name: str

    def write(self, report: Report, stream: TextIO, *, verbose: bool) -> None:
        """Write a report; `verbose` adds nothing, everything is in it."""
        write_utf8(_module(self.name).render(report), stream)


REPORTERS = tuple(map(LazyReporter, FORMATS))


def write_failure(name: str, message: str, hint: str, exit_code: int, stream: TextIO) -> bool:
    """Write why there is no report, in a format for programs; False where the name is of none."""
    if name == "json":
        write_document(error_document(message, hint, exit_code), stream)
    elif name in FORMATS:
        write_utf8(_module(name).failure(message, hint, exit_code), stream)
    else:
        return False
    return True


def _module(name: str) -> Any:
    return import_module(FORMATS[name])
