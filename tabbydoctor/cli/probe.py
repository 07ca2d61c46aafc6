"""`tabbydoctor probe`: what the running server answers, endpoint by credential."""

from __future__ import annotations

import shutil
import sys

from tabbydoctor.cli.format_option import Format, FormatOption
from tabbydoctor.cli.options import Given, with_targets
from tabbydoctor.cli.showing import fact, show_json, show_text
from tabbydoctor.tabbyapi.probes import Endpoint


@with_targets
def probe(*, given: Given, format: FormatOption = Format.TEXT) -> int:
    """Ask the running server with no key, a wrong key, the API key and the admin key."""
    from tabbydoctor.reports import probe_view

    found = fact(given, Endpoint)
    if format == Format.JSON:
        return show_json(probe_view.as_json(found))
    width = min(shutil.get_terminal_size().columns, 100) if sys.stdout.isatty() else 80
    return show_text(probe_view.as_text(found, width))
