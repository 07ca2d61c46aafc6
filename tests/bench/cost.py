"""CPU time: what work costs, whatever else the machine does meanwhile."""

from __future__ import annotations

import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence

ROUNDS = 5


def forked(work: Callable[[], object]) -> float:
    """Seconds of some work in a process of its own, that has done nothing of it before."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            started = time.process_time()
            work()
            os.write(writing, repr(time.process_time() - started).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        seconds = float(told.read())
    os.waitpid(pid, 0)
    return seconds


def of_children(run: Callable[[], object]) -> float:
    """Seconds of the processes that some work starts and awaits."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def medians(measures: Sequence[Callable[[], float]], rounds: int = ROUNDS) -> list[float]:
    """The median of each, taken in turn so that a slow moment hits all alike."""
    table = [[measure() for measure in measures] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*table, strict=True)]


def show(what: str, figure: str, aim: str) -> None:
    """One line of the table."""
    sys.stdout.write(f"{what:<64} {figure:>9}   {aim}\n")
    sys.stdout.flush()
