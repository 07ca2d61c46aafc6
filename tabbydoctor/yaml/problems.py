"""Why a text is no YAML document that is read, in words that repeat no value: it may be secret."""

from __future__ import annotations

import re
from typing import Any, Literal

_BLANK = "\0 \t\r\n"
YamlProblem = Literal["syntax", "empty", "not-utf8", "several-documents", "alias-bomb", "too-large"]


def told(error: Exception) -> tuple[str, int | None]:
    """What a parser's error says ("" where it says nothing), and the line (1-based) it is about.

    Of what the text ends in the middle of, that is where it begins: a quote, a bracket.
    """
    problem = getattr(error, "problem", None)
    mark, begun = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if mark is None or (begun is not None and _rest(mark) == ""):
        mark = begun
    return problem or "", _line(mark) if mark else None


def _line(mark: Any) -> int:
    """Its line, or the last that has anything in it: an editor has no line after that."""
    if _rest(mark) == "":
        return str(mark.buffer[: mark.pointer]).rstrip(_BLANK).count("\n") + 1
    return int(mark.line) + 1


def _rest(mark: Any) -> str | None:
    """What of the text comes after it, but for blanks; None where that is not known."""
    text, position = getattr(mark, "buffer", None), getattr(mark, "pointer", None)
    return None if text is None or position is None else text[position:].strip(_BLANK)


def without_values(problem: str) -> str:
    """A library's message without what it quotes from the text (single signs are harmless)."""
    return re.sub(r"(?<!\s)\s*(['\"])(?!<)[^'\"]{2,}\1", "", problem).strip()
