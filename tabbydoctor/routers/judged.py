"""Whether what is known of a router proves anything: read to its end, or seen to work.

`fix --auth` ends with "nothing to do" only on this.
"""

from __future__ import annotations

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.records import dataclass
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.own_keys import unknown_key
from tabbydoctor.routers.site.keys import RouterKeys
from tabbydoctor.routers.unread import RouterRead
from tabbydoctor.routers.witness import FORWARDS_NO_KEY, RouterWitness


@dataclass(frozen=True, slots=True)
class RouterJudgement:
    """What is known of a router's key, and by which witness."""

    read: bool = False
    """Its source was read to its end: of each call to TabbyAPI it is known what it sends, and the
    keys are known."""
    live: bool | None = None
    """False where its requests were seen to be refused; what one route shows proves no other."""
    needed: str = ""
    """What is needed to judge it; empty where it is judged."""

    @property
    def proven(self) -> bool:
        """Whether it is known by one of them, and the other does not say otherwise."""
        return self.live is True or (self.read and self.live is None)


def router_judgement(
    site: RouterSite,
    read: RouterRead,
    witness: RouterWitness | None,
    reading: RouterReading | None = None,
    keys: RouterKeys | None = None,
) -> RouterJudgement:
    """A fact: what the reading and the running router's answers are worth together."""
    refused = witness is not None and witness.verdict in (*FORWARDS_NO_KEY, "wrong sent")
    needed = read.untold
    if needed and site.path is None:
        needed = f"{needed}: name its source with --router"
    if not needed and reading is not None:
        needed = _unfollowed(reading)
    if not needed and reading is not None and keys is not None:
        needed = unknown_key(keys, site, reading, witness)
    return RouterJudgement(not needed, False if refused else None, needed)


def _unfollowed(reading: RouterReading) -> str:
    """The first client that was not seen to send, in words; empty without one."""
    places = reading.at(lambda part: part.unfollowed)
    return f"what the client made at {places[0]} sends was not found in it" if places else ""


GATHERERS = (router_judgement,)
