"""`tabbydoctor config`: the effective configuration, each value with where it came from."""

from __future__ import annotations

import shutil
import sys
from typing import Annotated

import typer

from tabbydoctor.cli.format_option import Format, FormatOption
from tabbydoctor.cli.options import Given, with_targets
from tabbydoctor.cli.showing import fact, show_json, show_text
from tabbydoctor.tabbyapi.config import EffectiveConfig


@with_targets
def config(
    *,
    given: Given,
    format: FormatOption = Format.TEXT,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show values left at their defaults, too.")
    ] = False,
) -> int:
    """Show the effective TabbyAPI configuration and where each value came from."""
    from tabbydoctor.reports import config_view

    found = fact(given, EffectiveConfig)
    if format == Format.JSON:
        return show_json(config_view.as_json(found))
    width = min(shutil.get_terminal_size().columns, 100) if sys.stdout.isatty() else 80
    return show_text(config_view.as_text(found, width, verbose=verbose))
