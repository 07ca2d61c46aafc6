"""Why a text is no YAML document that is read, in words that repeat no value: it may be secret."""

from __future__ import annotations

import re
from typing import Literal

YamlProblem = Literal["syntax", "empty", "not-utf8", "several-documents", "alias-bomb", "too-large"]


def told(error: Exception) -> tuple[str, int | None]:
    """What a parser's error says ("" where it says nothing), and the line (1-based) it names."""
    problem = getattr(error, "problem", None)
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return problem or "", mark.line + 1 if mark else None


def without_values(problem: str) -> str:
    """A library's message without what it quotes from the text (single signs are harmless)."""
    return re.sub(r"(?<!\s)\s*(['\"])(?!<)[^'\"]{2,}\1", "", problem).strip()
