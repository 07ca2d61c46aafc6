"""Faults in the router."""

from __future__ import annotations

from tests.lab.deployment import Deployment
from tests.lab.faults.fault import fault


@fault(
    "a router without a key", "RTR001",
    consequences={"RTR002", "RTR010", "SVC011"}, deploy={"router": "broken"},
)  # fmt: skip
def no_key(d: Deployment) -> None:
    """The router as it is."""


@fault(
    "option 2 of the notes", "RTR002",
    also=("RTR003", "RTR007"), consequences={"RTR010", "SVC011"}, deploy={"router": "notes"},
)  # fmt: skip
def option_two(d: Deployment) -> None:
    """The router as it is: its probe sends the key, its forwarded requests do not."""
