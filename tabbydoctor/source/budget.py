"""What the reading of a router may cost, and what was left out for it.

One budget is the present one of its thread: values, which know of no reading, ask it too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tabbydoctor.records import dataclass, field

SECONDS = 8.0
"""CPU time of the thread that reads, over all readings of one router."""
ROOM = 64 << 20
"""Bytes, roughly, that the strings and closures built in one reading may take together."""
LONGEST_TEXT = 1 << 18
"""Characters of one string."""
MOST_PARTS = 8_000
"""Values inside one value."""
DEEPEST_PATH = 40
"""Keys taken from something unknown, one after the other."""
LONGEST_NAME = 4_096
"""Characters that name something unknown."""
WIDEST_NUMBER = 1_000
"""Bits of a whole number; what has a few more cannot be added to a float."""
MOST_SENT = 3_000
"""Requests of one pass, counted on every path."""

STEPS, TIME = "it takes too many steps to be followed", "it takes too long to be followed"
SIZE, DEPTH = "a value grows too large to be followed", "calls stand in each other too deeply"
ROUNDS = "a loop runs over more than is followed"
REQUESTS = "it sends more requests than are followed"


class TooLarge(Exception):  # noqa: N818 - a limit, not an error
    """A value would be larger than is followed."""


@dataclass
class Budget:
    """Of one reading."""

    until: float
    """By the clock of the thread's CPU time."""
    room: int = ROOM
    cuts: dict[str, None] = field(default_factory=dict)
    """What was not followed, in words."""

    @property
    def overdrawn(self) -> bool:
        """Whether the time is used up."""
        if time.thread_time() > self.until:
            self.cuts.setdefault(TIME)
            return True
        return False


_present: ContextVar[Budget | None] = ContextVar("budget", default=None)


@contextmanager
def budget() -> Iterator[Budget]:
    """A budget for one reading. Inside of another one it shares its time."""
    outer = _present.get()
    until = outer.until if outer else time.thread_time() + SECONDS
    token = _present.set(Budget(until))
    try:
        yield _present.get() or Budget(until)
    finally:
        _present.reset(token)


def cut(what: str) -> None:
    """Note what is not followed."""
    if present := _present.get():
        present.cuts.setdefault(what)


def overdrawn() -> bool:
    """Whether the time of the present budget is used up."""
    present = _present.get()
    return present is not None and present.overdrawn


def take(size: int) -> None:
    """Take bytes of room. Raises TooLarge where none is left."""
    if present := _present.get():
        present.room -= size
        if present.room < 0:
            raise TooLarge


def text_fits(length: int) -> None:
    """Take room for a string that is about to be built. Raises TooLarge."""
    if length > LONGEST_TEXT:
        raise TooLarge
    if length > 1_000:
        take(length)
