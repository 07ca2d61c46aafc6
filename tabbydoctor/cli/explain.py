"""`tabbydoctor explain ID`: the page of one check."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tabbydoctor import plugins
from tabbydoctor.cli.errors import CommandError
from tabbydoctor.cli.format_option import Format, FormatOption
from tabbydoctor.cli.nearest import did_you_mean
from tabbydoctor.cli.options import Given, with_targets
from tabbydoctor.diagnosis.check import Check
from tabbydoctor.invocation import invocation


@with_targets
def explain(
    id: Annotated[str, typer.Argument(metavar="ID", help="A check's id or name.")],
    *,
    given: Given,
    format: FormatOption = Format.TEXT,
) -> int:
    """Explain one check: what it looks at, why it matters, what to do."""
    from tabbydoctor.reports.explain import write_explanation, write_explanation_json

    checks = plugins.checks()
    write = write_explanation_json if format == Format.JSON else write_explanation
    write(_named(id, checks), checks, sys.stdout)
    return 0


def _named(word: str, checks: tuple[Check, ...]) -> Check:
    for check in checks:
        if word.upper() == check.id or word.lower() == check.name:
            return check
    known = [name for check in checks for name in (check.id, check.name)]
    raise CommandError(
        f"there is no check {word!r}",
        hint=did_you_mean(word, known, f"{invocation('list')} shows them all"),
    )
