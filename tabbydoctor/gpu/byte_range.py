"""An amount of memory that is known only between two bounds."""

from __future__ import annotations

from tabbydoctor.records import dataclass

GIB = 1 << 30
_MOST_DECIMALS = 10
"""One byte shows with so many."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """From `low` (surely so much) to `high` (hardly more), in bytes."""

    low: int
    high: int

    def __add__(self, other: ByteRange) -> ByteRange:
        return ByteRange(self.low + other.low, self.high + other.high)

    def __str__(self) -> str:
        low, high = gib(self.low), gib(self.high)
        return f"{low} GiB" if low == high else f"{low} to {high} GiB"

    def __sub__(self, other: ByteRange) -> ByteRange:
        """As much less at either end: of two estimates that share what is not known."""
        return ByteRange(self.low - other.low, self.high - other.high)


NOTHING = ByteRange(0, 0)


def gib(amount: int, decimals: int = 1) -> str:
    """Bytes as GiB, with one decimal unless told otherwise."""
    return f"{amount / GIB:.{decimals}f}"


def told_apart(one: int, other: int) -> tuple[str, str]:
    """Two amounts as GiB, with as many decimals as it takes to see that they differ."""
    decimals = 1
    while gib(one, decimals) == gib(other, decimals) and one != other and decimals < _MOST_DECIMALS:
        decimals += 1
    return gib(one, decimals), gib(other, decimals)
