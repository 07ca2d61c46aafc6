"""What a program was seen to do while its source was followed."""

from __future__ import annotations

import ast

from tabbydoctor.records import dataclass, field
from tabbydoctor.source.guards import Guard
from tabbydoctor.source.values import Client, Function, Place, Symbol, Value, Values


@dataclass(frozen=True, slots=True)
class Sent:
    """One request that leaves the program."""

    place: Place
    library: str
    method: Values
    url: Values
    headers: Values
    auth: Values
    client: Client | None
    body: bool
    streams: bool
    stack: tuple[ast.AST, ...]
    """The functions followed when it was sent, innermost last."""
    guard: Guard
    """Under which conditions it is."""
    added: Values = ()
    """The headers that the program's own hooks and `auth=` objects add to it."""
    supposed: bool = False
    """Only seen by calling a function with arguments nobody gives it."""

    @property
    def function(self) -> str:
        """The function it stands in; empty for the module's own lines."""
        names = [getattr(node, "name", "") for node in self.stack]
        return next((name for name in reversed(names) if name), "")


@dataclass(frozen=True, slots=True)
class Handed:
    """What files and variables hold, handed to something that is not followed: it may go
    anywhere.
    """

    value: Symbol
    place: Place
    texts: tuple[str, ...] = ()
    """The strings that are handed on with it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A constant or an unknown put under a name of an object or a dictionary."""

    name: str
    guard: Guard
    values: Values
    stack: tuple[ast.AST, ...]


@dataclass(slots=True)
class Seen:
    """Everything seen, in the order it was."""

    sent: list[Sent] = field(default_factory=list)
    environment: dict[str, Place] = field(default_factory=dict)
    reads: dict[str, Place] = field(default_factory=dict)
    writes: dict[str, Place] = field(default_factory=dict)
    commands: list[tuple[tuple[str, ...], Place]] = field(default_factory=list)
    clients: dict[Client, None] = field(default_factory=dict)
    handed: dict[Handed, None] = field(default_factory=dict)
    stored: list[Stored] = field(default_factory=list)
    returned: dict[ast.AST, dict[tuple[Guard, Value, int], None]] = field(default_factory=dict)
    """Function -> what it gives, under which guards and on which lines."""
    judged: dict[object, int] = field(default_factory=dict)
    """A literal of a guard -> the line that asked it."""
    limits: dict[Place, float] = field(default_factory=dict)
    """What something was compared with that is no constant of the source -> the number."""
    functions: dict[ast.AST, Function] = field(default_factory=dict)
    cuts: tuple[str, ...] = ()
