"""Prometheus' text format, for the textfile collector of node_exporter.

`--output FILE.prom` replaces the file in one step, so that a half is never read.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping

from tabbydoctor.diagnosis.report import Report
from tabbydoctor.reports.check_document import check_document
from tabbydoctor.reports.documents.check import CheckDocument
from tabbydoctor.reports.visible import visible

Sample = tuple[Mapping[str, str], float]
"""Labels and a value."""
_MEANINGS = {
    "run_success": "Whether the last run of the doctor could judge anything.",
    "exit_code": "The exit code of the last run: 0 fine, 1 something fails, 2 could not run.",
    "info": "The doctor and the TabbyAPI that it examined.",
    "last_run_timestamp_seconds": "When the last run began.",
    "last_run_duration_seconds": "How long the last run took.",
    "checks": "How many checks ended how.",
    "root_cause": "1 for each root cause that was found.",
    "finding": "How many findings a check has that are an error or a warning.",
}
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def render(report: Report) -> str:
    """The report as gauges."""
    return _written(_metrics(check_document(report)))


def failure(message: str, hint: str, exit_code: int) -> str:
    """No success, and the exit code; the message is for people, on stderr."""
    return _written([("run_success", [({}, 0)]), ("exit_code", [({}, exit_code)])])


def _metrics(document: CheckDocument) -> Iterator[tuple[str, list[Sample]]]:
    started = datetime.datetime.fromisoformat(document.started_at)
    installed = document.deployment.tabbyapi_version or ""
    names = {result.id: result.name for result in document.checks}
    summary = document.summary
    yield "run_success", [({}, int(document.exit_code != 2))]
    yield "exit_code", [({}, document.exit_code)]
    yield "info", [({"version": document.tabbydoctor, "tabbyapi_version": installed}, 1)]
    yield "last_run_timestamp_seconds", [({}, started.timestamp())]
    yield "last_run_duration_seconds", [({}, document.duration_ms / 1000)]
    yield (
        "checks",
        [({"status": name}, getattr(summary, name)) for name in summary.__struct_fields__],
    )
    yield (
        "root_cause",
        [
            ({"id": root.root, "name": names.get(root.root, ""), "severity": root.severity}, 1)
            for root in document.diagnosis
        ],
    )
    yield "finding", list(_findings(document))


def _findings(document: CheckDocument) -> Iterator[Sample]:
    for result in document.checks:
        for severity in ("error", "warning"):
            number = sum(finding.severity == severity for finding in result.findings)
            if number:
                yield {"id": result.id, "name": result.name, "severity": severity}, number


def _written(metrics: Iterable[tuple[str, list[Sample]]]) -> str:
    lines = []
    for name, samples in metrics:
        if samples:
            full = f"tabbydoctor_{name}"
            lines += [f"# HELP {full} {_MEANINGS[name]}", f"# TYPE {full} gauge"]
            lines += [f"{full}{_labels(labels)} {value:.15g}" for labels, value in samples]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Mapping[str, str]) -> str:
    said = ",".join(f'{name}="{_value(value)}"' for name, value in labels.items())
    return f"{{{said}}}" if said else ""


def _value(text: str) -> str:
    return visible(text).translate(_ESCAPES)
