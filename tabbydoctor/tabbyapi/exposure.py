"""Who reaches TabbyAPI from elsewhere: by the address it binds, or the ports that are published."""

from __future__ import annotations

from tabbydoctor.deployment.container import Publication
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.binding import binds_loopback_only
from tabbydoctor.tabbyapi.config import EffectiveConfig


@dataclass(frozen=True, slots=True)
class Exposure:
    """The addresses at which other machines reach TabbyAPI."""

    addresses: tuple[str, ...] | None
    """`host:port` each; None where it cannot be told."""
    published: tuple[Publication, ...] = ()
    """Of a container with a network of its own: where this machine answers for its port."""

    @property
    def words(self) -> str:
        """Where a container is published, for a sentence; empty where it is none."""
        if not self.published:
            return ""
        return f"is published at {', '.join(one.shown for one in self.published)}"


def exposure(config: EffectiveConfig, instance: Instance) -> Exposure:
    """By the effective configuration; of a container by what this machine answers for."""
    bound = str(config.host)
    box = instance.contained
    if binds_loopback_only(bound):
        return Exposure(())
    shares = box is not None and box.own_network is False
    if instance.container is None or shares:
        return Exposure((f"{bound}:{config.port}",))
    published = box.publishes(config.port) if box else ()
    if box is None or not (published or box.published_known):
        return Exposure(None)
    far = tuple(one.shown for one in published if not binds_loopback_only(one.address))
    return Exposure(far, published)
