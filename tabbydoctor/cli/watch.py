"""`tabbydoctor watch`: one run for a timer. It says what changed, and keeps a metric fresh."""

from __future__ import annotations

import io
from typing import Annotated

import typer

from tabbydoctor.cli.check import examine_now
from tabbydoctor.cli.errors import CommandError
from tabbydoctor.cli.options import Given, with_targets
from tabbydoctor.cli.output import require_output, write_output
from tabbydoctor.cli.showing import show_text

_LARGEST = 1 << 20
_FORMAT = "prometheus"


@with_targets
def watch(
    *,
    given: Given,
    record: Annotated[
        str, typer.Option(metavar="FILE", help="Where it is kept what the last run found.")
    ],
    textfile: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write Prometheus' metrics there, for node_exporter."),
    ] = None,
) -> int:
    """Check once, print what changed since the last run, and write the metrics.

    What install-timer runs. The exit codes are those of check.
    """
    from tabbydoctor.reports import changes

    for path in filter(None, (record, textfile)):
        require_output(path)
    said, metrics, code = _looked(given)
    before = changes.recorded(_read(record))
    lines = list(changes.changes(before, said))
    if textfile is not None:
        write_output(textfile, metrics)
    if said != before:
        write_output(record, changes.record_text(said))
    if lines:
        show_text("\n".join(lines))
    return code


def _looked(given: Given) -> tuple[dict[str, str], str, int]:
    """What is wrong, the metrics, and the exit code; a run that cannot be made has them, too."""
    from tabbydoctor.redaction import redact
    from tabbydoctor.reports import changes
    from tabbydoctor.reports.check_document import check_document
    from tabbydoctor.reports.formats import LazyReporter, write_failure
    from tabbydoctor.reports.redacted import redacted

    metrics = io.StringIO()
    try:
        report = redacted(examine_now(given))
    except CommandError as error:
        write_failure(_FORMAT, "", "", error.exit_code, metrics)
        failed = changes.said_of_failure(redact(error.message))
        return dict(failed), metrics.getvalue(), error.exit_code
    LazyReporter(_FORMAT).write(report, metrics, verbose=False)
    return dict(changes.said_of(check_document(report))), metrics.getvalue(), report.exit_code


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LARGEST)
    except OSError:
        return ""
