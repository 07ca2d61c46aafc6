"""`tabbydoctor schema`: the JSON Schema of the machine output."""

from __future__ import annotations

from tabbydoctor.cli.options import Given, with_targets
from tabbydoctor.cli.showing import show_json


@with_targets
def schema(*, given: Given) -> int:
    """Print the JSON Schema of the machine output."""
    from tabbydoctor.reports.schema import json_schema

    return show_json(json_schema())
