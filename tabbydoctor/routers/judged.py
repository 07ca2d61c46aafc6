"""Whether what is known of a router proves anything: read to its end, or seen to work.

The one place that says so: `fix --auth` ends with "nothing to do" only on this. What else tells
(a reading that knows what it did not follow, answers of the running router) is to be joined here.
"""

from __future__ import annotations

from dataclasses import dataclass

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.routers import Call, RouterReading
from tabbydoctor.routers.probes import is_open


@dataclass(frozen=True, slots=True)
class RouterJudgement:
    """What is known of a router's key, and by which witness."""

    read: bool = False
    """Its source was read to its end: of each call to TabbyAPI it is known what it sends."""
    live: bool | None = None
    """Whether its requests were seen to be accepted; None where that was not seen."""
    needed: str = ""
    """What is needed to judge it; empty where it is judged."""

    @property
    def proven(self) -> bool:
        """Whether it is known by one of them, and the other does not say otherwise."""
        return self.live is True or (self.read and self.live is None)


def router_judgement(site: RouterSite, reading: RouterReading | None) -> RouterJudgement:
    """A fact: what the reading alone is worth."""
    if reading is None:
        name = site.path or "the router's source"
        return RouterJudgement(needed=f"{name} cannot be read here: name its source with --router")
    if reading.problem:
        where = f"{reading.path}:{reading.line}" if reading.line else reading.path
        return RouterJudgement(needed=f"{where}: {reading.problem}")
    if not reading.calls:
        return RouterJudgement(
            needed=f"no call in {reading.path} is known to reach TabbyAPI: name the file that "
            "makes it with --router"
        )
    vague = [call for call in reading.calls if _vague(call)]
    if vague:
        return RouterJudgement(
            needed=f"{reading.path}:{vague[0].line}: whether this call sends a key cannot be told"
        )
    return RouterJudgement(read=True)


def _vague(call: Call) -> bool:
    return call.sends_key is None and not is_open(call.path)
