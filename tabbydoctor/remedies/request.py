"""What is asked of `fix`, and what the operator allows it. A fact: planners name it."""

from __future__ import annotations

from typing import Literal

from tabbydoctor.records import dataclass

Strategy = Literal["disable-auth", "router-tokens", "router-env", "front"]
STRATEGIES: tuple[Strategy, ...] = ("disable-auth", "router-tokens", "router-env", "front")


@dataclass(frozen=True, slots=True)
class FixRequest:
    """`fix`'s own arguments: one of `auth`, `ids` and `all_safe`, and how."""

    strategy: Strategy | None = None
    """None: choose."""
    allow_exposed: bool = False
    bind_loopback: bool = False
    """Bind 127.0.0.1 as well, so that no key is needed by nobody else."""
    temporary: bool = False
    throughout: bool = False
    """A request through the router was seen to be refused where reading found no fault, or none
    but those repaired: every client it makes is given the key, in the place of any other."""
    auth: bool = False
    ids: tuple[str, ...] = ()
    all_safe: bool = False
    restart: bool = True
    ready_timeout: float = 600.0
    """Seconds that TabbyAPI may take to load its model after a restart."""
    time_limit: float = 10.0
    """Seconds for each check."""
    planning_limit: float = 60.0
    """Seconds that planning one repair may take."""
