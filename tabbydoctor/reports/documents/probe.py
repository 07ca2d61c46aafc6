"""What `probe` writes."""

from __future__ import annotations

from typing import Literal

from tabbydoctor.reports.documents.base import Count, Document, DocumentPart
from tabbydoctor.tabbyapi.probes import Credential


class CellPart(DocumentPart):
    """The answer to one endpoint asked with one credential."""

    endpoint: str
    """The path that was asked."""
    credential: Credential
    """What was sent; never the key itself."""
    status: int | None
    """The HTTP status; null where there was no answer."""
    error: str | None
    """Why there was none: refused, timeout, …"""
    says: str
    """What the answer means, in two words; empty where its status says it all."""
    elapsed_ms: Count
    """How long it took, in milliseconds."""


class ProbeDocument(Document):
    """`probe --format json`: what the running server answers. Bodies are left out."""

    url: str
    """The address that was asked."""
    found_by: str
    """How it was found."""
    configured: str | None
    """The address of the configuration."""
    holder: str | None
    """The other program that holds the configured port."""
    moved: bool
    """Whether TabbyAPI listens on another port than the configured one."""
    reached: bool
    """Whether anything answered."""
    error: str | None
    """Why nothing did."""
    identity: Literal["tabbyapi", "other", "unknown"]
    """Who answered."""
    enforces_auth: bool | None
    """Whether it asks for keys; null where that cannot be told."""
    withheld: str | None
    """Why no key was sent."""
    admin_withheld: str | None
    """Why the admin key was not sent."""
    answers: list[CellPart]
    """What was asked, and what came."""
