"""`tabbydoctor history`: the changes the doctor made."""

from __future__ import annotations

import shutil
import sys

from tabbydoctor.cli.errors import CommandError
from tabbydoctor.cli.format_option import Format, FormatOption
from tabbydoctor.cli.options import Given, with_targets
from tabbydoctor.cli.showing import show_json, show_text


@with_targets
def history(*, given: Given, format: FormatOption = Format.TEXT) -> int:
    """List the changes that fix made, the latest first, and what became of them."""
    from tabbydoctor.repair.engine import RepairError, open_state
    from tabbydoctor.reports import history_view

    try:
        changes = open_state(given.state_dir).history()
    except RepairError as error:
        raise CommandError(error.message, hint=error.hint) from error
    if format == Format.JSON:
        return show_json(history_view.as_json(changes))
    width = min(shutil.get_terminal_size().columns, 100) if sys.stdout.isatty() else 80
    return show_text(history_view.as_text(changes, width))
