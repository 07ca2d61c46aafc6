"""What came back through a router, a row for each request, and what follows. Data alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from tabbydoctor.records import dataclass
from tabbydoctor.routers.witness import Verdict
from tabbydoctor.tabbyapi.probes import Credential

Answerer = Literal["TabbyAPI", "the router itself", "unknown"]


@dataclass(frozen=True, slots=True)
class RouterRow:
    """One request through the router, and its answer."""

    request: str
    """Method and path."""
    credential: Credential
    """What was sent; no key of anybody's is."""
    status: int | None
    """The HTTP status; None where there was no answer."""
    by: Answerer
    means: str
    """What this answer tells of what TabbyAPI was sent."""


@dataclass(frozen=True, slots=True)
class ThroughRouter:
    """All that was asked through one router."""

    url: str
    rows: tuple[RouterRow, ...]
    verdict: Verdict
    means: str
    """What follows from the list of models without a key and with an unknown one."""
    finding: str = ""
    """The id of the finding that it proves; empty for none."""
    unsent: str = ""
    """Why no completion was sent though one was asked for; empty where that is not so."""


MEANINGS: Mapping[Verdict, tuple[str, str]] = {
    "handed on": ("what callers send is handed on; no key of the router's own is sent", "RTR002"),
    "none sent": ("the router sends TabbyAPI no key", "RTR002"),
    "wrong sent": ("the router sends TabbyAPI a key that it does not know", "RTR005"),
    "caller wins": ("the router has a key, but a caller's takes its place", "RTR002"),
    "keyed": ("this route carries TabbyAPI's key; other routes and POST are left to reading", ""),
    "nothing": ("the router's own answer proves nothing of its key", ""),
}
"""Verdict -> what it means, and the id of the finding that it proves."""
