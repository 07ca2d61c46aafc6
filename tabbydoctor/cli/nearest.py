"""A word that names nothing: what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

_MOST = 3
_ALIKE = 0.6
"""How alike two words must be, of 1; difflib's own bound."""
_START = 3
"""Letters that a word begins with, a category's in an id."""
_AS_GOOD = 0.1
"""What one may be worse than the best, and is named with it."""


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """A hint that names what is near, written as it is known; else what to say in its place."""
    known = list(known)
    near = _begun(word, known) or _holding(word, known) or _alike(word, known)
    return f"did you mean {' or '.join(near[:_MOST])}?" if near else otherwise


def _begun(word: str, known: Iterable[str]) -> list[str]:
    return [name for name in known if word and name.casefold().startswith(word.casefold())]


def _holding(word: str, known: Iterable[str]) -> list[str]:
    return [name for name in known if len(word) >= _START and word.casefold() in name.casefold()]


def _alike(word: str, known: Iterable[str]) -> list[str]:
    ratios = {
        name: _ratio(name, word)
        for name in known
        if _ratio(name[:_START], word[:_START]) >= _ALIKE  # two numbers make no two ids alike
    }
    least = max(_ALIKE, max(ratios.values(), default=0.0) - _AS_GOOD)
    near = [name for name, ratio in ratios.items() if ratio >= least]
    return sorted(near, key=lambda name: -ratios[name])


def _ratio(one: str, two: str) -> float:
    return SequenceMatcher(None, one.casefold(), two.casefold()).ratio()
