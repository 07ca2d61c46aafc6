"""A bar for each GPU: what others hold, what the model takes, what stays free."""

from __future__ import annotations

from typing import TextIO

from tabbydoctor.gpu.byte_range import ByteRange
from tabbydoctor.records import dataclass
from tabbydoctor.reports.color import colored
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

    @property
    def legend(self) -> str:
        """What the marks mean."""
        words = ("held by others", "taken", "perhaps", "too much", "free")
        return "   ".join(f"{mark} {word}" for mark, word in zip(self.marks, words, strict=True))

    def spans(self, total: int, held: int, takes: ByteRange, free: int) -> tuple[StyledText, ...]:
        """The bar in parts, with their styles; what is beyond the GPU stands behind it."""
        limit = min(held + free, total)
        ends = [held, *(min(held + end, limit) for end in (takes.low, takes.high))]
        cells = [self._cells(end, total) for end in ends]
        over = self._cells(min(held + takes.high, total), total)
        lengths = (cells[0], cells[1] - cells[0], cells[2] - cells[1], max(over - cells[2], 0))
        rest = self.width - sum(lengths)
        beyond = min(self._cells(max(held + takes.high - total, 0), total), _MARGIN // 2)
        inside = zip(self.marks, (*lengths, rest), _STYLES, strict=True)
        return (
            ("[", ""),
            *((mark * length, style) for mark, length, style in inside),
            ("]", ""),
            (self.marks[3] * beyond, _STYLES[3]),
        )

    def _cells(self, amount: int, total: int) -> int:
        return round(self.width * amount / total) if total else 0


def bars_for(stream: TextIO) -> Bars:
    """Blocks for a terminal that may have them, else plain ASCII."""
    width = min(page_for(stream).width - _MARGIN - 2, _WIDEST)
    unicode = "utf" in (stream.encoding or "").lower().replace("-", "")
    blocks = stream.isatty() and colored(stream) and unicode
    return Bars(width, _BLOCKS if blocks else _ASCII)
