"""Finding any of many strings in a text, in time linear in the text.

A string of `STRIDE + WIDTH - 1` characters or more covers a whole window wherever it lies, if
a window is looked at every `STRIDE` characters: so most of a text is passed over, and ten
thousand strings cost no more than one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from tabbydoctor.redaction.spans import TextSpan

SHORTEST = 8
"""Characters. Shorter strings turn up by chance in ordinary words."""
_LONGEST = 256
"""A longer string is looked for in pieces of this length, each of which must go."""
_GRIDS = ((4, 5), (8, 8))
"""Width and stride of the windows, for shorter strings and for longer ones."""


class Finder:
    """Where some strings, each of `SHORTEST` characters or more, stand in a text."""

    def __init__(self, strings: Iterable[str]) -> None:
        pieces = {piece for string in strings for piece in _pieces(string)}
        self.shortest = min(map(len, pieces), default=0)
        self._sorted = sorted(pieces)
        self._within = _longest_prefixes(self._sorted)
        self._grids = [
            (width, stride, windows)
            for (width, stride), of in zip(_GRIDS, _by_grid(pieces), strict=True)
            if (windows := _windows(of, width, stride))
        ]

    def __bool__(self) -> bool:
        return bool(self._sorted)

    def spans(self, text: str) -> Iterator[TextSpan]:
        """Where each stands, overlapping ones too."""
        for start in self._starts(text):
            length = self._longest_at(text, start)
            if length:
                yield start, start + length

    def _starts(self, text: str) -> set[int]:
        """Where one may begin."""
        starts: set[int] = set()
        for width, stride, windows in self._grids:
            for at in range(0, len(text) - width + 1, stride):
                offsets = windows.get(text[at : at + width])
                if offsets:
                    starts.update(at - offset for offset in offsets if at >= offset)
        return starts

    def _longest_at(self, text: str, start: int) -> int:
        """Length of the longest that begins there; 0 for none.

        What begins a word stands before it in the alphabet, and only words that it begins, too,
        stand between the two.
        """
        seen = text[start : start + _LONGEST]
        place = bisect_right(self._sorted, seen) - 1
        while place >= 0 and not seen.startswith(self._sorted[place]):
            place = self._within[place]
        return len(self._sorted[place]) if place >= 0 else 0


def _pieces(string: str) -> Iterator[str]:
    for start in range(0, len(string) - _LONGEST, _LONGEST):
        yield string[start : start + _LONGEST]
    yield string[-_LONGEST:]


def _longest_prefixes(ordered: list[str]) -> list[int]:
    """For each string the place of the longest other that it begins with; -1 for none."""
    found: list[int] = []
    for place, string in enumerate(ordered):
        before = place - 1
        while before >= 0 and not string.startswith(ordered[before]):
            before = found[before]
        found.append(before)
    return found


def _by_grid(pieces: Iterable[str]) -> tuple[list[str], ...]:
    (_, _), (width, stride) = _GRIDS
    short: list[str] = []
    long: list[str] = []
    for piece in pieces:
        (long if len(piece) >= width + stride - 1 else short).append(piece)
    return short, long


def _windows(strings: Iterable[str], width: int, stride: int) -> dict[str, set[int]]:
    """A window -> how far into a string it may stand."""
    windows: dict[str, set[int]] = {}
    for string in strings:
        for offset in range(stride):
            windows.setdefault(string[offset : offset + width], set()).add(offset)
    return windows
