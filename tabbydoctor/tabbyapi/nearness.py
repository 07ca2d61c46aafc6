"""Whether two names mean the same: a slip of the pen, another spelling, a word cut short.

Names that merely share words do not: `log_level` is not `log_requests`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_LONG = 8
"""From so many letters on, two slips are forgiven instead of one."""
_SHORTEST_CUT = 3
"""Letters that a word which is cut short still has: `seq` of sequence, `len` of length."""


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in snake_case, kebab-case or camelCase."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return tuple(word for word in re.split(r"[^a-z0-9]+", apart.lower()) if word)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was meant, the nearest first; None where none is."""
    found = [(distance, other) for other in known if (distance := _apart(name, other)) is not None]
    return min(found)[1] if found else None


def within(section: str, key: str, known: Iterable[str]) -> str | None:
    """The key of a section that was meant by a name with the section's words too many, or too few:
    `draft_model.name` is `draft_model_name`, `network.network_port` is `port`."""
    own, words = words_of(section), words_of(key)
    shorter = "_".join(words[len(own) :]) if words[: len(own)] == own else ""
    for other in sorted(known):
        theirs = words_of(other)
        before, rest = theirs[: -len(words)], theirs[-len(words) :]
        if shorter == other or (before and rest == words and all(_among(w, own) for w in before)):
            return other
    return None


def _among(word: str, words: Iterable[str]) -> bool:
    return any(_cut(word, other) or word == other for other in words)


def _apart(name: str, other: str) -> int | None:
    """How far apart two names of one meaning are; None for two meanings."""
    words, theirs = words_of(name), words_of(other)
    one, two = "".join(words), "".join(theirs)
    slips = _slips(one, two)
    if slips <= (2 if min(len(one), len(two)) >= _LONG else 1) and min(len(one), len(two)) > 2:
        return slips
    pairs = list(zip(words, theirs, strict=False))
    if 1 < len(words) == len(theirs) and all(a == b or _cut(a, b) for a, b in pairs):
        return slips
    return None


def _cut(one: str, two: str) -> bool:
    """Whether one word is the beginning of the other."""
    short, long = sorted((one, two), key=len)
    return len(short) >= _SHORTEST_CUT and long.startswith(short)


def _slips(one: str, two: str) -> int:
    """Letters too many, too few, wrong, or two that changed places (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(two) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, other in enumerate(two, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and (letter, one[i - 2]) == (two[j - 2], other):
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
