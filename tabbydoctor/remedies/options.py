"""What the operator allows a repair. A fact: planners name it as a parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Strategy = Literal["disable-auth", "router-tokens", "router-env"]
STRATEGIES: tuple[Strategy, ...] = ("disable-auth", "router-tokens", "router-env")


@dataclass(frozen=True, slots=True)
class FixOptions:
    """`fix`'s own options, as far as they change what is planned."""

    strategy: Strategy | None = None
    """None: choose."""
    allow_exposed: bool = False
    bind_loopback: bool = False
    """Bind 127.0.0.1 as well, so that no key is needed by nobody else."""
    temporary: bool = False
    throughout: bool = False
    """A request through the router was seen to be refused where reading found no fault, or none
    but those repaired: every client it makes is given the key, in the place of any other."""
