"""Patterns of glob(7), as configurations name files by them."""

from __future__ import annotations

from fnmatch import fnmatchcase


def fits(path: str, pattern: str) -> bool:
    """Whether a path is one that a pattern of glob(7) names: no wildcard stands for a slash."""
    names, patterns = path.split("/"), pattern.split("/")
    if len(names) != len(patterns):
        return False
    return all(map(fnmatchcase, names, patterns))
