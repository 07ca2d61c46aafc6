"""The only door to the machine.

Whatever reads a file, looks at a process, runs a command, opens a socket or asks NVML does
it through a `Host`. Behind it stands the local machine (`tabbydoctor.host.local`), a
recording, or a test's own. Nothing here writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from tabbydoctor.host.access import PathStatus
from tabbydoctor.host.data import (
    Account,
    Admission,
    CommandResult,
    Connection,
    FileContent,
    FileStatus,
    Group,
    HttpAnswer,
    Listener,
    NvmlState,
    Peer,
    Process,
)

__all__ = [
    "Account",
    "Admission",
    "CommandResult",
    "Connection",
    "FileContent",
    "FileStatus",
    "Group",
    "Host",
    "HttpAnswer",
    "Listener",
    "NvmlState",
    "Peer",
    "Process",
]


class Host(Protocol):
    """What can be asked of a machine. File calls raise OSError as the kernel tells it."""

    def read(
        self, path: str, limit: int = 1 << 20, reader: Account | None = None, *, end: bool = False
    ) -> FileContent:
        """The first (or with `end` the last) `limit` bytes of a regular file.

        It never blocks on a FIFO or device.

        Where others than root could have bent the way to it (a link of theirs, a directory they
        may write), it is read only if `reader` could, or without one whoever could have.

        Raises OSError; `errno.EINVAL` with "not a regular file" where it is none.
        """
        ...

    def seen_by(self, account: Account | None) -> Host:
        """The same machine, its files read only where that account could; None changes nothing.

        For paths that the account's own words name (a configuration, a source, an argument).
        """
        ...

    def way(self, path: str) -> PathStatus:
        """All that leads to a path, links followed, and who could have bent it. Raises OSError."""
        ...

    def status(self, path: str, follow: bool = True) -> FileStatus:
        """Mode, owner, times and POSIX ACL of whatever stands at the path. Raises OSError."""
        ...

    def names(self, directory: str, reader: Account | None = None) -> Sequence[str]:
        """The names in a directory, sorted; `reader` as for `read`. Raises OSError."""
        ...

    def real_path(self, path: str) -> str:
        """The path with every link resolved; the input where that cannot be told."""
        ...

    def accounts(self) -> Sequence[Account]:
        """Every account the name service lists."""
        ...

    def account(self, name_or_uid: str | int) -> Account | None:
        """One account by name or number (a directory service may know more than it lists)."""
        ...

    def groups(self) -> Sequence[Group]:
        """Every group the name service lists."""
        ...

    def processes(self) -> Sequence[Process]:
        """The process table. What may not be seen of a process is None."""
        ...

    def listeners(self) -> Sequence[Listener]:
        """Listening TCP sockets; `pid` is None where it may not be seen."""
        ...

    def inner_listeners(self, pid: int) -> Sequence[Listener]:
        """The listening sockets of a process that has a network namespace of its own, at the
        addresses that others can reach; empty where it has none, or may not be looked at."""
        ...

    def connections(self) -> Sequence[Connection]:
        """TCP connections, made or being made, and those closed a moment ago."""
        ...

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = 10.0,
        limit: int = 4 << 20,
        line_limit: int | None = None,
    ) -> CommandResult:
        """Run a reading command without a shell, in the C locale.

        It is stopped after `timeout` seconds, `limit` bytes or `line_limit` lines; what came
        until then is in the result. A program that is missing gives `code` 127.
        """
        ...

    async def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes | None = None,
        timeout: float = 3.0,
        limit: int = 64 << 10,
        admission: Admission | None = None,
    ) -> HttpAnswer:
        """One HTTP request: no redirect followed, no proxy used, a small body read.

        With `admission` nothing is sent before the far end of this very connection was admitted;
        a request that carries a key needs one.

        Never raises for what the other side does: see `HttpAnswer.error`.
        """
        ...

    def ask_engine(self, socket: str, target: str) -> HttpAnswer:
        """What a container's engine answers at its unix socket to one of two questions:
        `/containers/json?all=1`, `/containers/ID/json` (Docker Engine API). At most 2 s (5 s in
        all of an engine) and 4 MiB.

        Only where none but root or the doctor's own account can be who listens. Connecting starts
        an engine that systemd starts by its socket: ask where one runs. Never raises.
        """
        ...

    def nvml(self) -> NvmlState:
        """What the NVIDIA Management Library tells, gathered in one go."""
        ...

    def environment(self) -> Mapping[str, str]:
        """The doctor's own environment."""
        ...

    def effective_uid(self) -> int:
        """The user the doctor runs as."""
        ...

    def boot_time(self) -> float:
        """When the machine booted, in seconds since the epoch."""
        ...

    def now(self) -> float:
        """The time there, in seconds since the epoch."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
