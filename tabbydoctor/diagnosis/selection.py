"""`--only` and `--skip`: ids, id prefixes or categories, as a comma list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tabbydoctor.diagnosis.check import CATEGORIES, Check


class UnknownSelection(ValueError):  # noqa: N818 - it names what was selected, not an error type
    """A word that selects no check."""

    def __init__(self, word: str) -> None:
        super().__init__(f"{word!r} is no check id, id prefix or category")
        self.word = word


def select(checks: Sequence[Check], only: str | None, skip: str | None) -> tuple[Check, ...]:
    """The checks that were asked for. Raises UnknownSelection naming the odd word."""
    chosen = _matching(checks, only) if only is not None else {check.id for check in checks}
    left_out = _matching(checks, skip) if skip is not None else set()
    return tuple(check for check in checks if check.id in chosen - left_out)


def _matching(checks: Iterable[Check], words: str) -> set[str]:
    given = list(checks)
    found: set[str] = set()
    for word in filter(None, (part.strip() for part in words.split(","))):
        matches = {check.id for check in given if _matches(check, word)}
        if not matches and word.lower() not in CATEGORIES:
            raise UnknownSelection(word)
        found |= matches
    return found


def _matches(check: Check, word: str) -> bool:
    return check.id.startswith(word.upper()) or check.category == word.lower()
