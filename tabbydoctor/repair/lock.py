"""One repair at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from tabbydoctor.repair.errors import Busy, explained

_PLAIN = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Neither a link nor a FIFO in the place of a file holds anybody up."""
_LONGEST = 20


class RepairLock:
    """A lock (flock(2)) in the state directory; it ends with its process, however that ends."""

    def __init__(self, directory: Path) -> None:
        self._lock = FileLock(directory / "lock", timeout=0, mode=0o600)
        self._holder = directory / "lock.pid"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold it; again and again within one process. Raises Busy, RepairError."""
        try:
            self._lock.acquire()
        except Timeout as error:
            raise Busy(
                f"another repair is under way{self._who()}",
                hint="wait until it has ended, then run the command again",
            ) from error
        except OSError as error:
            raise explained(error, self._lock.lock_file, "lock") from error
        try:
            self._sign()
            yield
        finally:
            self._lock.release()

    def _sign(self) -> None:
        with contextlib.suppress(OSError):  # only a courtesy to the one who has to wait
            handle = os.open(self._holder, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _PLAIN, 0o600)
            with open(handle, "w", encoding="ascii") as file:
                file.write(f"{os.getpid()}\n")

    def _who(self) -> str:
        try:
            with open(os.open(self._holder, os.O_RDONLY | _PLAIN), "rb") as file:
                pid = file.read(_LONGEST).decode("ascii", "replace").strip()
        except OSError:
            return ""
        return f" (process {pid})" if pid.isdigit() else ""
