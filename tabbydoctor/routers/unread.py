"""Whether the reading of a router came to its end, and what was in the way if it did not.

This is the one place that says so: silence of a reading proves something only where it is whole.
"""

from __future__ import annotations

from collections.abc import Iterable

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.facts import Unknown
from tabbydoctor.front.standing import Front
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass
from tabbydoctor.routers import Call, RouterReading
from tabbydoctor.routers.entry import installed, not_read
from tabbydoctor.routers.kinds import UNKNOWN
from tabbydoctor.routers.probes import is_open
from tabbydoctor.routers.site.content import source_text


@dataclass(frozen=True, slots=True)
class RouterRead:
    """How far the router was read."""

    unread: str = ""
    """Why not to its end, in words; empty where it was."""
    vague: str = ""
    """What of its key could not be told from what was read; empty where all could."""

    @property
    def untold(self) -> str:
        """Why the reading does not tell whether the key is sent; empty where it does."""
        return self.unread or self.vague


def router_read(
    host: Host, site: RouterSite, reading: RouterReading | None, front: Front | None = None
) -> RouterRead:
    """How far the router was read, and what was in the way.

    Of one whose key is added by a front nothing is needed: what it sends does not matter.
    """
    if front is not None and front.serves(site.unit.name if site.unit else None):
        return RouterRead()
    if reading is None:
        return RouterRead(_not_begun(host, site))
    return RouterRead(unread_of(reading), vague_of(reading, reading.calls))


def vague_of(reading: RouterReading, calls: Iterable[Call]) -> str:
    """The first of some calls of which it is not known whether it sends a key, in words."""
    asked = (call for call in calls if not is_open(call.path))
    vague = (call for call in asked if call.sends_key is None)
    found = next(vague, None)
    if found is None:
        return ""
    return f"whether the call at {reading.place(found)} sends a key cannot be told from it"


def unread_of(reading: RouterReading) -> str:
    """Why a reading did not come to its end, in words; empty where it did."""
    broken = next((part for part in (*reading.parts, reading) if part.problem), None)
    if broken:
        where = f"{broken.path}:{broken.line}" if broken.line else broken.path
        return f"{where}: {broken.problem}"
    if reading.incomplete and not reading.wired_throughout:
        return reading.incomplete
    if not reading.calls:
        return f"{reading.path} makes no call that reaches TabbyAPI, as far as it was read"
    return ""


def _not_begun(host: Host, site: RouterSite) -> str:
    if site.path is None:
        return "the router's source is not known; name it with --router"
    try:
        source_text(host, site.path)
    except Unknown as reason:
        return str(reason)
    if site.kind == UNKNOWN:
        own = f"{site.path} is of no kind that can be read"
        return not_read(site.path) if installed(site.path) else own
    return f"{site.path} could not be read"


GATHERERS = (router_read,)
