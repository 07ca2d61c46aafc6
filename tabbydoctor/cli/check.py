"""`tabbydoctor check`: what is wrong, what causes what, and the way out. It never writes."""

from __future__ import annotations

import asyncio
import io
import math
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

from tabbydoctor import plugins
from tabbydoctor.cli.errors import CommandError
from tabbydoctor.cli.nearest import did_you_mean
from tabbydoctor.cli.option import option
from tabbydoctor.cli.options import Given, with_targets
from tabbydoctor.cli.output import require_output, write_output
from tabbydoctor.cli.waiting import wait_until_well
from tabbydoctor.diagnosis.check import CATEGORIES, Check
from tabbydoctor.diagnosis.report import FailOn, Report
from tabbydoctor.diagnosis.selection import UnknownSelection, select
from tabbydoctor.examination import NothingToExamine, examine
from tabbydoctor.examination.described import of_descriptions
from tabbydoctor.host import Host
from tabbydoctor.host.local import LocalHost
from tabbydoctor.invocation import invocation
from tabbydoctor.records import replace
from tabbydoctor.reports import Reporter
from tabbydoctor.reports.redacted import redacted

_TIMEOUT = 10.0
_LEVELS = ("error", "warning", "unknown")
_DESCRIBED = "give a compose.yaml, a Dockerfile or a .container file that runs TabbyAPI"


@with_targets
def check(
    *,
    given: Given,
    only: Annotated[
        str | None,
        option(metavar="CHECKS", help="Only these: ids, id prefixes or categories, with commas."),
    ] = None,
    skip: Annotated[str | None, option(metavar="CHECKS", help="All but these.")] = None,
    format: Annotated[
        str,
        option(
            metavar="FORMAT",
            help="text, json, jsonl, junit, sarif, tap, nagios, prometheus, markdown, html or "
            "github.",
        ),
    ] = "text",
    deployment: Annotated[
        str | None,
        option(
            metavar="FILE",
            help="Judge this compose.yaml, Dockerfile or quadlet, not this machine.",
        ),
    ] = None,
    from_: Annotated[
        str | None,
        option("--from", metavar="BUNDLE", help="Judge what tabbydoctor bundle recorded."),
    ] = None,
    output: Annotated[
        str | None, option(metavar="FILE", help="Write the report there, not to stdout.")
    ] = None,
    fail_on: Annotated[
        str,
        option(metavar="error|warning|unknown", help="From which level on the exit code is 1."),
    ] = "error",
    timeout: Annotated[
        float,
        option(
            metavar="SECONDS",
            help="Time limit of each check; the whole run ends after three times as long.",
        ),
    ] = _TIMEOUT,
    wait: Annotated[
        float,
        option(
            metavar="SECONDS",
            help="Look again until nothing fails, unless waiting cannot change that.",
        ),
    ] = 0.0,
    quiet: Annotated[
        bool, option("--quiet", "-q", help="Print only where the exit code is not 0.")
    ] = False,
    verbose: Annotated[
        bool, option("--verbose", "-v", help="Show what passed and was skipped, too.")
    ] = False,
) -> int:
    """Say what is wrong with a TabbyAPI deployment, what causes what, and the way out.

    Never writes, never restarts, never loads a model, never asks for a completion.
    """
    reporter = _reporter(format)
    level = _level(fail_on)
    if not timeout > 0:
        raise CommandError("--timeout must be more than 0 seconds")
    if not 0 <= wait < math.inf:
        raise CommandError("--wait must be 0 or more seconds")
    if output is not None:
        require_output(output)
    checks = _selected(only, skip)
    if deployment is not None:
        given, checks = _described(given, deployment), of_descriptions(checks)
    host: Callable[[], Host] = LocalHost
    if from_ is not None:
        given, host = _recorded(given, from_)
    report = _awaited(given, checks, timeout, level, wait, host)
    if output is not None or not quiet or report.exit_code:
        _write(redacted(report), reporter, output, verbose)
    return report.exit_code


def _described(given: Given, path: str) -> Given:
    """What was given, with a file to judge in place of the machine."""
    if not path or "\0" in path:
        raise CommandError(f"--deployment: {path!r} is no name or path")
    return replace(given, targets=replace(given.targets, deployment=os.path.abspath(path)))


def _reporter(name: str) -> Reporter:
    reporters = {reporter.name: reporter for reporter in plugins.reporters()}
    if name not in reporters:
        formats = f"--format {name}: formats are {', '.join(sorted(reporters))}"
        raise CommandError(formats, hint=did_you_mean(name, reporters))
    return reporters[name]


def _level(name: str) -> FailOn:
    if name not in _LEVELS:
        levels = f"--fail-on {name}: levels are {', '.join(_LEVELS)}"
        raise CommandError(levels, hint=did_you_mean(name, _LEVELS))
    return name  # type: ignore[return-value]


def _selected(only: str | None, skip: str | None) -> tuple[Check, ...]:
    try:
        return select(plugins.checks(), only, skip)
    except UnknownSelection as error:
        ids = [check.id for check in plugins.checks()]
        known = [*CATEGORIES, *dict.fromkeys(id[:3] for id in ids), *ids]
        all_of_them = f"{invocation('list')} shows them all"
        hint = did_you_mean(error.word, known, all_of_them)
        raise CommandError(str(error), hint=hint) from error
    except plugins.PluginError as error:
        raise CommandError(str(error), hint="remove or update that plug-in") from error


def examine_now(given: Given) -> Report:
    """All checks once, with the limits that check has by itself. Raises CommandError."""
    return _awaited(given, _selected(None, None), _TIMEOUT, "error", 0.0, LocalHost)


def _recorded(given: Given, path: str) -> tuple[Given, Callable[[], Host]]:
    """What was named when the bundle was made, and the machine as it answered then."""
    from tabbydoctor.examination.bundle import NoBundle, unpack

    if given.targets.given_by:
        raise CommandError("--from is judged as it was recorded: without other targets")
    try:
        recorded, targets = unpack(path)
    except (NoBundle, OSError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise CommandError(f"--from {path}: {why}") from error
    return replace(given, targets=targets), lambda: recorded


def _awaited(
    given: Given,
    checks: Sequence[Check],
    timeout: float,
    fail_on: FailOn,
    wait: float,
    host: Callable[[], Host],
) -> Report:
    try:
        return wait_until_well(lambda: _examine(given, checks, timeout, fail_on, host), wait)
    except NothingToExamine as error:
        raise CommandError(
            str(error),
            hint=_DESCRIBED
            if given.targets.deployment
            else "name it with --dir, --unit or --url; "
            f"`{invocation('demo')}` shows the doctor at work",
        ) from error


def _examine(
    given: Given,
    checks: Sequence[Check],
    timeout: float,
    fail_on: FailOn,
    host: Callable[[], Host],
) -> Report:
    return asyncio.run(
        examine(
            host(),
            given.targets,
            checks,
            time_limit=timeout,
            fail_on=fail_on,
            pending=_progress if sys.stderr.isatty() else None,
        )
    )


def _progress(waiting: Sequence[str]) -> None:
    """One line on the terminal that says what is still awaited, and wipes itself."""
    shown = f"waiting for {', '.join(waiting[:6])}{' …' if len(waiting) > 6 else ''}"
    sys.stderr.write(f"\r\x1b[K{shown if waiting else ''}")
    sys.stderr.flush()


def _write(report: Report, reporter: Reporter, output: str | None, verbose: bool) -> None:
    if output is None:
        reporter.write(report, sys.stdout, verbose=verbose)
        return
    text = io.StringIO()
    reporter.write(report, text, verbose=verbose)
    write_output(output, text.getvalue())
