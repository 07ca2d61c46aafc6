"""Patterns of glob(7), as configurations name files by them."""

from __future__ import annotations

import re


def fits(path: str, pattern: str) -> bool:
    """Whether a path is one that a pattern of glob(7) names."""
    parts = re.split(r"(\*|\?|\[[^\]/]+\])", pattern)
    kinds = {"*": "[^/]*", "?": "[^/]"}
    regex = "".join(
        kinds.get(part) or (part.replace("[!", "[^") if number % 2 else re.escape(part))
        for number, part in enumerate(parts)
    )
    try:
        return re.fullmatch(regex, path) is not None
    except re.error:
        return path == pattern
