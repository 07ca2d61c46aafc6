"""A bar for each GPU: what others hold, what the model takes, what stays free."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TextIO

from tabbydoctor.gpu.byte_range import ByteRange
from tabbydoctor.reports.page import StyledText, page_for

_ASCII = ("x", "#", "+", "!", ".")
_BLOCKS = ("▓", "█", "▒", "!", "·")
_STYLES = ("magenta", "blue", "cyan", "bold red", "dim")
_MARGIN = 8
_WIDEST = 60


@dataclass(frozen=True, slots=True)
class Bars:
    """How bars are drawn."""

    width: int
    """Characters for all of a GPU's memory."""
    marks: tuple[str, ...] = _ASCII
    """For what others hold, what the model surely and perhaps takes, what is too much, free."""

    def spans(self, total: int, held: int, takes: ByteRange) -> tuple[StyledText, ...]:
        """The bar in parts, with their styles; what does not fit stands behind it."""
        ends = [held, held + takes.low, held + takes.high]
        inside = [self._cells(min(end, total), total) for end in ends]
        beyond = min(self._cells(max(ends[-1] - total, 0), total), _MARGIN // 2)
        lengths = (inside[0], inside[1] - inside[0], inside[2] - inside[1])
        parts = [mark * length for mark, length in zip(self.marks, lengths, strict=False)]
        rest = self.marks[4] * (self.width - inside[2])
        texts = (*parts, self.marks[3] * beyond, rest)
        in_order = (*zip(texts[:3], _STYLES[:3], strict=True), (rest, _STYLES[4]))
        return (("[", ""), *in_order, ("]", ""), (self.marks[3] * beyond, _STYLES[3]))

    def _cells(self, amount: int, total: int) -> int:
        return round(self.width * amount / total) if total else 0


def bars_for(stream: TextIO) -> Bars:
    """Blocks for a terminal that may have them, else plain ASCII."""
    width = min(page_for(stream).width - _MARGIN - 2, _WIDEST)
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    unicode = "utf" in (stream.encoding or "").lower().replace("-", "")
    blocks = stream.isatty() and not plain and unicode
    return Bars(width, _BLOCKS if blocks else _ASCII)
