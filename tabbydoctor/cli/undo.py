"""`tabbydoctor undo`: take a change back, byte for byte. It never asks."""

from __future__ import annotations

import shutil
import sys
from typing import Annotated

import typer

from tabbydoctor.cli.errors import CommandError
from tabbydoctor.cli.options import Given, with_targets
from tabbydoctor.cli.showing import show_text


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
) -> int:
    """Take a change back, byte for byte: the latest one, or the one named.

    Needs no check to pass and no readable configuration. tabbydoctor history lists the changes.
    """
    from tabbydoctor.repair.engine import RepairError, open_state
    from tabbydoctor.reports import history_view

    try:
        taken_back = open_state(given.state_dir).undo(change, restart=not no_restart)
    except RepairError as error:
        raise CommandError(error.message, hint=error.hint) from error
    width = min(shutil.get_terminal_size().columns, 100) if sys.stdout.isatty() else 80
    show_text(history_view.undone(taken_back, width))
    return 2 if taken_back.left else 0
