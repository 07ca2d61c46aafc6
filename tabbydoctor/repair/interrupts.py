"""Signals that ask to end (Ctrl-C, SIGTERM, SIGHUP) leave no change half made.

    with held("taking everything back"):     nothing is interrupted in here …
        write()
        checkpoint()                         … but where it says so,
        with open_to_interrupts():           or where waiting is long:
            wait()                           KeyboardInterrupt, once at most

Whatever comes after the first signal finds the work of taking back under way, which goes on to its
end. Signals belong to the process, so this is one thing for all of it; threads ask for none.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")
SignalHandler = Callable[[int, FrameType | None], Any] | int | None

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _State:
    depth = 0
    lines: tuple[str, ...] = ()
    """What is said at the first signal; the innermost counts."""
    open = False
    """Whether a signal interrupts now."""
    asked = False
    """Whether a signal came since the outermost hold began."""
    said = False
    cancel: Callable[[], object] | None = None
    """Ends what runs in an event loop, where the interrupt must not hit the loop itself."""


_state = _State()


@contextlib.contextmanager
def held(line: str = "") -> Iterator[None]:
    """Keep signals for checkpoints; `line` is said when one comes. Holds may be nested.

    A signal that nothing acted on is over with the hold: what was to be done is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers: dict[int, SignalHandler] = _install() if _state.depth == 0 else {}
    was_open, lines = _state.open, _state.lines
    _state.open, _state.lines = False, (*lines, line)
    _state.depth += 1
    try:
        yield
    finally:
        _state.depth -= 1
        _state.open, _state.lines = was_open, lines
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def open_to_interrupts() -> Iterator[None]:
    """Within a hold: let the first signal interrupt at once. Raises KeyboardInterrupt."""
    checkpoint()
    if _state.depth and threading.current_thread() is threading.main_thread():
        _state.open = True
    try:
        yield
    finally:
        _state.open = False
    checkpoint()


def run(main: Coroutine[Any, Any, T]) -> T:
    """As asyncio.run; within `open_to_interrupts` the first signal cancels it."""
    import asyncio

    if not _state.open:
        return asyncio.run(main)
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        task = loop.create_task(main)
        _state.cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        try:
            return loop.run_until_complete(task)
        except asyncio.CancelledError:
            checkpoint()
            raise
        finally:
            _state.cancel = None


def checkpoint() -> None:
    """Raise KeyboardInterrupt where a signal came since the hold began."""
    if _state.depth and _state.asked:
        raise KeyboardInterrupt


def _install() -> dict[int, SignalHandler]:
    _state.asked = _state.said = False
    handlers: dict[int, SignalHandler] = {}
    for number in SIGNALS:
        before = signal.getsignal(number)
        if before not in (signal.SIG_IGN, None):  # nohup(1) wants it ignored
            handlers[number] = before
            signal.signal(number, _received)
    return handlers


def _received(number: int, frame: FrameType | None) -> None:
    interrupts = _state.open
    _state.open, _state.asked = False, True
    line = _state.lines[-1] if _state.lines else ""
    if line and not _state.said:
        _state.said = True
        with contextlib.suppress(OSError):  # not by sys.stderr: it may be in the middle of a line
            os.write(2, f"tabbydoctor: interrupted: {line}\n".encode())
    if interrupts and _state.cancel:
        _state.cancel()
    elif interrupts:
        raise KeyboardInterrupt
