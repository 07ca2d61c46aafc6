"""What `list` and `explain` write."""

from __future__ import annotations

from tabbydoctor.diagnosis.finding import Severity
from tabbydoctor.reports.documents.base import Document, DocumentPart, Identifier


class EntryPart(DocumentPart):
    """One check."""

    id: Identifier
    """Never reused."""
    name: str
    """In words for people; stands for the id wherever one is asked for."""
    category: str
    """For --only and --skip."""
    severity: Severity
    """The usual one of its findings."""
    summary: str
    """The first sentence of its page."""
    plugin: str | None
    """The plug-in it comes from; null for a built-in one."""


class ListDocument(Document):
    """`list --format json`."""

    checks: list[EntryPart]
    """All checks, those of plug-ins included."""


class ExplainDocument(Document):
    """`explain --format json`."""

    id: Identifier
    """The check's."""
    name: str
    """In words for people."""
    category: str
    """For --only and --skip."""
    severity: Severity
    """The usual one of its findings."""
    caused_by: list[Identifier]
    """The checks whose findings may explain one of this."""
    causes: list[Identifier]
    """The checks whose findings this one may explain."""
    page: str
    """Its page, in Markdown."""
