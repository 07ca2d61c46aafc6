"""One kind of line of TabbyAPI's log that means something."""

from __future__ import annotations

import re
from typing import Literal

from tabbydoctor.records import dataclass

Weight = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class KnownLine:
    """One kind of line.

    `weight` is None where it only tells the course of events. `causes` are the checks
    that look at the same fault closer.
    """

    slug: str
    pattern: re.Pattern[str]
    meaning: str
    weight: Weight | None = None
    causes: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    """Kinds of line that only follow from it."""
    of_exception: bool = False
    """It only says that something failed: the exception beside it says what."""


def line(
    slug: str,
    pattern: str,
    meaning: str,
    weight: Weight | None = None,
    causes: tuple[str, ...] = (),
    *,
    hides: tuple[str, ...] = (),
    of_exception: bool = False,
) -> KnownLine:
    """A kind of line, its pattern as text."""
    return KnownLine(slug, re.compile(pattern), meaning, weight, causes, hides, of_exception)
