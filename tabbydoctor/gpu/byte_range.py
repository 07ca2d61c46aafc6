"""An amount of memory that is known only between two bounds."""

from __future__ import annotations

from dataclasses import dataclass

GIB = 1 << 30


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


def gib(amount: int) -> str:
    """Bytes as GiB with one decimal."""
    return f"{amount / GIB:.1f}"
