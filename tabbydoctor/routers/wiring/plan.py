"""What is to change in one source."""

from __future__ import annotations

from collections.abc import Callable

from tabbydoctor.records import dataclass, field
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.wiring.source import Edit, Tree


@dataclass(slots=True)
class WiringPlan:
    """Edits of a source, gathered step by step."""

    tree: Tree
    reading: RouterReading
    read: Callable[[str], RouterReading]
    """Reads another version of the source."""
    edits: list[Edit] = field(default_factory=list)
    masking: list[int] = field(default_factory=list)
    """Lines where a 401 counts as healthy, and no edit of that line alone helps."""
    changes: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)

    def change(self, said: str, *edits: Edit) -> None:
        """Plan edits, and say in words what they do."""
        self.edits += edits
        if said not in self.changes:
            self.changes.append(said)

    def leave(self, said: str) -> None:
        """Say what is left for a person to do."""
        if said not in self.leftovers:
            self.leftovers.append(said)


def leaks_more(before: RouterReading, after: RouterReading) -> bool:
    """Whether after some edits other servers are sent a key that they were not sent before."""
    more = len(after.sent_elsewhere) > len(before.sent_elsewhere)
    return more or not set(after.keys_elsewhere) <= set(before.keys_elsewhere)
