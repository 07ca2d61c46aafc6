"""`tabbydoctor list`: all checks, plug-ins included."""

from __future__ import annotations

import sys

from tabbydoctor import plugins
from tabbydoctor.cli.format_option import Format, FormatOption
from tabbydoctor.cli.options import Given, with_targets


@with_targets
def list_checks(*, given: Given, format: FormatOption = Format.TEXT) -> int:
    """List all checks, those of plug-ins included."""
    from tabbydoctor.reports.listing import write_listing, write_listing_json

    checks = plugins.checks()
    origins = {check.id: origin for check in checks if (origin := plugins.origin(check))}
    write = write_listing_json if format == Format.JSON else write_listing
    write(checks, sys.stdout, origins)
    return 0
