"""`tabbydoctor merge`: many hosts' documents as one."""

from __future__ import annotations

import shutil
import sys
from typing import Annotated

import typer

from tabbydoctor.cli.format_option import Format, FormatOption
from tabbydoctor.cli.options import Given, with_targets
from tabbydoctor.cli.showing import show_json, show_text

_LARGEST = 1 << 30
"""Bytes of one input."""


@with_targets
def merge(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Documents of check --format json; - is stdin."),
    ],
    *,
    given: Given,
    format: FormatOption = Format.TEXT,
) -> int:
    """Say which root causes are on which hosts, from the documents of many.

    A file may hold several documents behind each other. Of a host that has several the latest
    counts. Ends with 0, or with 2 where a file could not be read; the rest is merged then, too.
    """
    from tabbydoctor.reports import fleet_view
    from tabbydoctor.reports.documents.base import plain
    from tabbydoctor.reports.fleet import Fleet

    fleet = Fleet()
    for name in files:
        try:
            fleet.add(name, _content(name))
        except (OSError, ValueError) as error:  # a NUL in the name is a ValueError
            fleet.unreadable(name, getattr(error, "strerror", None) or str(error))
    merged = fleet.document()
    if format == Format.JSON:
        show_json(plain(merged))
    else:
        width = min(shutil.get_terminal_size().columns, 100) if sys.stdout.isatty() else 80
        show_text(fleet_view.as_text(merged, width))
    return merged.exit_code


def _content(name: str) -> bytes:
    if name == "-":
        content = sys.stdin.buffer.read(_LARGEST + 1)
    else:
        with open(name, "rb") as file:
            content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"it is larger than {_LARGEST >> 20} MiB")
    return content
