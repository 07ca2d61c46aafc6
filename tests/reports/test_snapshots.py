"""What a report looks like, whole, one of each kind: `__snapshots__/` holds each as it is printed.

After a change that is meant: `pytest tests/reports/test_snapshots.py --snapshot-update`, and look
at the difference.
"""

from __future__ import annotations

import io

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from tabbydoctor import __version__
from tabbydoctor.diagnosis.report import Report
from tabbydoctor.reports.json_report import JsonReporter
from tabbydoctor.reports.terminal import TerminalReporter
from tests.reports.reports import EVERY, hostile

REPORTS = {**EVERY, "every outcome": hostile("a value")}


class AsText(SingleFileSnapshotExtension):
    """One file a report."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


class AsJson(AsText):
    """The document, as it is written."""

    file_extension = "json"


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def written(report: Report, reporter: TerminalReporter | JsonReporter, *, verbose: bool) -> str:
    stream = io.StringIO()
    reporter.write(report, stream, verbose=verbose)
    return stream.getvalue()


@pytest.mark.parametrize("name", REPORTS)
def test_as_text(name: str, snapshot: SnapshotAssertion) -> None:
    text = written(REPORTS[name], TerminalReporter(), verbose=True)
    assert text == snapshot(extension_class=AsText)


@pytest.mark.parametrize("name", REPORTS)
def test_as_json(name: str, snapshot: SnapshotAssertion) -> None:
    document = written(REPORTS[name], JsonReporter(), verbose=False)
    of_any_version = document.replace(f'"tabbydoctor": "{__version__}"', '"tabbydoctor": "…"')
    assert of_any_version == snapshot(extension_class=AsJson)
