"""How long a router waits for a backend to become ready."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tabbydoctor.routers.evaluation import evaluate
from tabbydoctor.routers.interpreter import Interpreter
from tabbydoctor.routers.values import Const, Unknown
from tabbydoctor.routers.world import World

_CLOCKS = ("time", "monotonic", "perf_counter", "now")
_LEAST = 5
"""Shorter loops wait for something else."""


def waiting_limits(run: Interpreter) -> list[tuple[int, float]]:
    """(line, seconds) of each loop that watches the clock: `while time.time() - start < N`."""
    found: list[tuple[int, float]] = []
    for node in ast.walk(run.tree):
        if isinstance(node, ast.While):
            for compare in ast.walk(node.test):
                if isinstance(compare, ast.Compare) and _reads_clock(compare):
                    found += [(node.lineno, seconds) for seconds in _seconds(run, compare)]
    return found


def _reads_clock(node: ast.Compare) -> bool:
    names = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
    return bool(names & set(_CLOCKS))


def _seconds(run: Interpreter, node: ast.Compare) -> Iterator[float]:
    for side in (node.left, *node.comparators):
        for value, _ in list(evaluate(run, side, World()))[:1]:
            likely = value.likely if isinstance(value, Unknown) else value
            seconds = likely.value if isinstance(likely, Const) else None
            if isinstance(seconds, int | float) and seconds >= _LEAST:
                yield float(seconds)
