"""`tabbydoctor undo`: take a change back, byte for byte. It never asks."""

from __future__ import annotations

import contextlib
import shutil
import sys
from typing import Annotated, Literal

import typer

from tabbydoctor.cli.errors import CommandError
from tabbydoctor.cli.format_option import Format, FormatOption
from tabbydoctor.cli.options import Given, with_targets
from tabbydoctor.cli.showing import show_json, show_text

_READY = 600.0
"""Seconds that TabbyAPI may take to load its model after the restart."""


@with_targets
def undo(
    change: Annotated[
        str | None, typer.Argument(metavar="[CHANGE]", help="Its id (default: the latest).")
    ] = None,
    *,
    given: Given,
    no_restart: Annotated[
        bool, typer.Option("--no-restart", help="Leave the units running as they are.")
    ] = False,
    format: FormatOption = Format.TEXT,
) -> int:
    """Take a change back, byte for byte: the latest one, or the one named.

    Needs no check to pass and no readable configuration. tabbydoctor history lists the changes.
    Where TabbyAPI served and is restarted, it ends when TabbyAPI serves again.
    """
    from tabbydoctor.repair.engine import RepairError, open_state
    from tabbydoctor.reports import history_view

    served = not no_restart and _serves(given)
    try:
        taken_back = open_state(given.state_dir).undo(change, restart=not no_restart)
    except RepairError as error:
        raise CommandError(error.message, hint=error.hint) from error
    if served and taken_back.units:
        _await_serving(given, taken_back.units)
    code: Literal[0, 2] = 2 if taken_back.left else 0
    if format == Format.JSON:
        show_json(history_view.undone_json(taken_back, code))
        return code
    width = min(shutil.get_terminal_size().columns, 100) if sys.stdout.isatty() else 80
    show_text(history_view.undone(taken_back, width))
    return code


def _serves(given: Given) -> bool:
    """Whether TabbyAPI answers before. What is wrong with the deployment is no matter here."""
    from tabbydoctor.fixing import serving
    from tabbydoctor.host.local import LocalHost

    try:
        return serving.serves(LocalHost, given.targets)
    except (OSError, ValueError, LookupError):  # an undo works whatever else does not
        return False


def _await_serving(given: Given, units: tuple[str, ...]) -> None:
    from tabbydoctor.fixing import serving
    from tabbydoctor.host.local import LocalHost

    with contextlib.suppress(
        OSError, ValueError, LookupError
    ):  # it is taken back, whatever can be seen of it
        serving.await_serving(LocalHost, given.targets, units, _READY, _progress)


def _progress(text: str) -> None:
    """One line on a terminal that wipes itself."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
