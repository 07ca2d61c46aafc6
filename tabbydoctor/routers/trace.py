"""What a router was seen to do while its source was followed."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from tabbydoctor.routers.values import Client, Place, Value
from tabbydoctor.routers.world import World


@dataclass(frozen=True, slots=True)
class Sent:
    """One request that leaves the router, on one path through its code."""

    place: Place
    library: str
    method: Value
    url: Value
    headers: Value
    auth: Value
    client: Client | None
    body: bool
    streams: bool
    stack: tuple[ast.AST, ...]
    """The functions followed when it was sent, innermost last."""
    world: World
    supposed: bool = False
    """Only seen by calling a function with arguments nobody gives it."""

    @property
    def function(self) -> str:
        """The function it stands in; empty for the module's own lines."""
        names = [getattr(node, "name", "") for node in self.stack]
        return next((name for name in reversed(names) if name), "")


@dataclass(slots=True)
class Trace:
    """Everything seen, in the order it was."""

    sent: list[Sent] = field(default_factory=list)
    environment: dict[str, int] = field(default_factory=dict)
    reads: dict[str, int] = field(default_factory=dict)
    writes: dict[str, int] = field(default_factory=dict)
    units: dict[str, int] = field(default_factory=dict)
    clients: list[Client] = field(default_factory=list)
