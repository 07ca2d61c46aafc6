"""All checks there are, one a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TextIO

from tabbydoctor.diagnosis.check import Check
from tabbydoctor.reports.json_report import write_document
from tabbydoctor.reports.page import Page, page_for, write_page
from tabbydoctor.reports.terminal import STYLES

Origins = Mapping[str, str]
"""Id of a check -> the distribution of the plug-in it comes from; built-in ones are not in it."""

BUILT_IN: Origins = MappingProxyType({})
_WIDEST_NAME = 26


def write_listing(checks: Sequence[Check], stream: TextIO, origins: Origins = BUILT_IN) -> None:
    """Write the table of checks as text."""
    page = page_for(stream)
    list_checks(page, checks, origins)
    write_page(page, stream)


def write_listing_json(
    checks: Sequence[Check], stream: TextIO, origins: Origins = BUILT_IN
) -> None:
    """Write the table of checks as JSON."""
    write_document(to_document(checks, origins), stream)


def to_document(checks: Sequence[Check], origins: Origins = BUILT_IN) -> dict[str, Any]:
    """The document of `list --format json`; `plugin` is null for a built-in check."""
    from tabbydoctor.reports.documents.base import plain
    from tabbydoctor.reports.documents.catalogue import EntryPart, ListDocument

    entries = [
        EntryPart(
            id=check.id,
            name=check.name,
            category=check.category,
            severity=check.severity,
            summary=check.summary,
            plugin=origins.get(check.id),
        )
        for check in checks
    ]
    return plain(ListDocument(checks=entries))


def list_checks(page: Page, checks: Sequence[Check], origins: Origins = BUILT_IN) -> None:
    """The table of checks on a page: id, severity letter, name, what it is about."""
    ids = max((len(check.id) for check in checks), default=0) + 2
    names = min(max((len(check.name) for check in checks), default=0), _WIDEST_NAME) + 2
    for check in checks:
        origin = origins.get(check.id)
        page.flow(
            (check.id.ljust(ids), "bold"),
            (str(check.severity)[0].upper().ljust(3), STYLES[str(check.severity)]),
            (check.name.ljust(names), ""),
            (check.summary, ""),
            (f" [{origin}]" if origin else "", "dim"),
            hang=ids + 3 + names,
        )
