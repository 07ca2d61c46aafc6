"""Threads that may never come back: a hung file system or a lost GPU holds up nobody."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")


def in_thread(work: Callable[[], T]) -> Awaitable[T]:
    """Run in a daemon thread.

    Unlike asyncio.to_thread, a call that never returns holds up neither the run nor the end
    of the process.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def finish(set_outcome: Callable[[Any], None], outcome: object) -> None:
        if not future.done():
            set_outcome(outcome)

    def body() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - handed to whoever awaits
            outcome: tuple[Callable[[Any], None], object] = (future.set_exception, error)
        else:
            outcome = (future.set_result, result)
        # The loop may be closed by now: then nobody waits any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(finish, *outcome)

    threading.Thread(target=body, daemon=True).start()
    return future


class _Unawaited(ThreadPoolExecutor):
    """Of whose threads the end is not awaited: the lookup of a name may take minutes."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Give its threads up."""
        super().shutdown(wait=False, cancel_futures=True)


def await_nobody() -> asyncio.AbstractEventLoop:
    """The running loop, whose end will wait for no thread that the loop itself starts."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(_Unawaited(thread_name_prefix="unawaited"))
    return loop


def leave(code: int) -> NoReturn:
    """End the process now, whatever threads still hang: nobody waits for what they do."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
