"""What `probe` writes."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from tabbydoctor.reports.documents.base import Count, Document, DocumentPart
from tabbydoctor.routers.through import Answerer
from tabbydoctor.routers.witness import Verdict
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


class RouterRowPart(DocumentPart):
    """One request through the router, and its answer."""

    request: str
    """Its method and path."""
    credential: Credential
    """What was sent: nothing, or a key that nobody knows."""
    status: int | None
    """The HTTP status; null where there was no answer."""
    by: Answerer
    """Who answered."""
    means: str
    """What this answer tells of the key that TabbyAPI was sent."""


class ThroughRouterPart(DocumentPart):
    """What came back through the running router."""

    url: str
    """The router's address that was asked."""
    rows: list[RouterRowPart]
    """What was asked, and what came. Only `--send` posts anything."""
    verdict: Verdict
    """What TabbyAPI was seen to be sent for the list of models."""
    means: str
    """What follows from that, or why nothing does."""
    finding: str | None
    """The id of the finding that it proves."""
    unsent: str | None
    """Why no completion was sent though one was asked for."""


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
    through_router: ThroughRouterPart | UnsetType = UNSET
    """The same through the router, with `--through-router`."""
