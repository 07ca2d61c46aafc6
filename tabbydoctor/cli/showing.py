"""What the commands that show one thing have in common: get the fact, redact, print."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any, TypeVar

from tabbydoctor.cli.errors import CommandError
from tabbydoctor.cli.options import Given
from tabbydoctor.examination import gather
from tabbydoctor.facts import NoFact
from tabbydoctor.host.local import LocalHost
from tabbydoctor.redaction import redact_all
from tabbydoctor.reports.json_report import write_document
from tabbydoctor.reports.leaving import leaving

T = TypeVar("T")
TIME_LIMIT = 15.0
"""Seconds."""


def fact(given: Given, kind: type[T]) -> T:
    """One fact about the deployment. Raises CommandError with the reason where there is none."""
    try:
        return asyncio.run(gather(LocalHost(), given.targets, kind, TIME_LIMIT))
    except NoFact as error:
        raise CommandError(str(error)) from error
    except TimeoutError as error:
        raise CommandError(f"no answer within {TIME_LIMIT:g} seconds") from error


def show_text(text: str) -> int:
    """Print, redacted; the exit code 0."""
    sys.stdout.write(leaving(text).rstrip("\n") + "\n")
    return 0


def show_json(document: Mapping[str, Any]) -> int:
    """Print one JSON document, redacted; the exit code 0."""
    write_document(redact_all(document), sys.stdout)
    return 0
