"""Reporters: one module a format. They observe; the exit code is computed before any of them."""

from __future__ import annotations

from typing import Protocol, TextIO

from tabbydoctor.diagnosis.report import Report


class Reporter(Protocol):
    """One output format of `check`."""

    name: str

    def write(self, report: Report, stream: TextIO, *, verbose: bool) -> None:
        """Write a report. It has been redacted already."""
        ...
