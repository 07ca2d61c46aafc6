"""Two machines side by side, and what has a task done on one of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol, TypeVar

from tests.lab.deployment import Deploy, Deployment, RealServer
from tests.lab.installed import CACHE, Installed
from tests.lab.machine import Machine

MACHINES = 2
"""One for each core of a small CI machine."""
T = TypeVar("T")


class Submit(Protocol):
    """Has a task done on a machine of its own, in the background."""

    def __call__(self, task: Callable[[Deploy], T]) -> Future[T]: ...


@contextmanager
def machines(place: Installed, real: RealServer | None) -> Iterator[Submit]:
    """Two machines, and what has a task done on one of them as soon as it is idle and new."""
    CACHE.mkdir(exist_ok=True)
    idle: SimpleQueue[Machine] = SimpleQueue()
    with ExitStack() as stack:
        for _ in range(MACHINES):
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            idle.put(stack.enter_context(Machine.boot(scratch, shown=[CACHE])))
        workers = ThreadPoolExecutor(MACHINES)
        stack.callback(workers.shutdown, cancel_futures=True)

        def on_a_new_one(task: Callable[[Deploy], T]) -> T:
            machine = idle.get()
            try:
                machine.reset()
                return task(partial(Deployment.deploy, machine, place, real=real))
            finally:
                idle.put(machine)

        yield lambda task: workers.submit(on_a_new_one, task)
