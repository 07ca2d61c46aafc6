"""How long a router waits for a backend to become ready."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tabbydoctor.source.index import index
from tabbydoctor.source.seen import Seen
from tabbydoctor.source.values import Place

_CLOCKS = ("time", "monotonic", "perf_counter", "now")
_LEAST = 5
"""Shorter loops wait for something else."""


def waiting_limits(seen: Seen, path: str, tree: ast.Module) -> list[tuple[int, float]]:
    """(line, seconds) of each loop that watches the clock: `while time.time() - start < N`."""
    return [
        (node.lineno, seconds)
        for node in index(tree).all(ast.While)
        for compare in ast.walk(node.test)
        if isinstance(compare, ast.Compare) and _reads_clock(compare)
        for seconds in _seconds(seen, path, compare)
    ]


def _reads_clock(node: ast.Compare) -> bool:
    names = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
    return bool(names & set(_CLOCKS))


def _seconds(seen: Seen, path: str, node: ast.Compare) -> Iterator[float]:
    """What the clock was compared with, when the loop was followed."""
    for side in (node.left, *node.comparators):
        limit = seen.limits.get(Place(path, side.lineno, side.col_offset))
        if limit is not None and limit >= _LEAST:
            yield limit
