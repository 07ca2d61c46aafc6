"""A host whose files are real ones below a scratch directory, and whose commands are told.

What a test says with it: on a machine whose `/etc/systemd/system/x.service` reads so, and
whose systemctl answers so. Everything else is the local machine's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tabbydoctor.host.access import PathStatus
from tabbydoctor.host.data import (
    Account,
    CommandResult,
    Connection,
    FileContent,
    FileStatus,
    Group,
    Listener,
    NvmlState,
    Process,
)
from tabbydoctor.host.local import LocalHost

Answer = str | CommandResult | Callable[[tuple[str, ...]], CommandResult]


class ScratchHost(LocalHost):
    """`LocalHost` with its root elsewhere and its commands, accounts and processes told."""

    def __init__(
        self,
        root: Path | None = None,
        *,
        commands: Mapping[str, Answer] | None = None,
        processes: Sequence[Process] = (),
        listeners: Sequence[Listener] = (),
        connections: Sequence[Connection] = (),
        accounts: Sequence[Account] | None = None,
        groups: Sequence[Group] | None = None,
        environment: Mapping[str, str] | None = None,
        uid: int | None = None,
        nvml: NvmlState | None = None,
    ) -> None:
        """`commands`: what a command line must start with -> its answer; others are missing."""
        super().__init__()
        self.root = root
        self.files_below = str(root or "/")
        self.commands = dict(commands or {})
        self._processes = tuple(processes)
        self._listeners = tuple(listeners)
        self._connections = tuple(connections)
        self._accounts = accounts
        self._groups = groups
        self._environment = environment
        self._uid = uid
        self._nvml = nvml
        self.ran: list[tuple[str, ...]] = []

    def _inside(self, path: str) -> str:
        if self.root is None or path.startswith(str(self.root)):
            return path
        return f"{self.root}{path}"

    def _outside(self, path: str) -> str:
        return path.removeprefix(str(self.root)) or "/" if self.root else path

    def read(
        self, path: str, limit: int = 1 << 20, reader: Account | None = None, *, end: bool = False
    ) -> FileContent:
        return super().read(self._outside(path), limit, reader, end=end)

    def status(self, path: str, follow: bool = True) -> FileStatus:
        if follow:  # a link of the scratch machine leads to a place of that machine
            return replace(self.way(path).leaf, path=self._outside(path))
        found = super().status(self._inside(path), follow)
        return replace(found, path=self._outside(found.path))

    def way(self, path: str) -> PathStatus:
        return super().way(self._outside(path))

    def names(self, directory: str, reader: Account | None = None) -> Sequence[str]:
        return super().names(self._outside(directory), reader)

    def real_path(self, path: str) -> str:
        return self._outside(super().real_path(self._inside(path)))

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = 10.0,
        limit: int = 4 << 20,
        line_limit: int | None = None,
    ) -> CommandResult:
        command = tuple(argv)
        self.ran.append(command)
        for start, answer in self.commands.items():
            if " ".join(command).startswith(start):
                if callable(answer):
                    return answer(command)
                return CommandResult(command, 0, answer) if isinstance(answer, str) else answer
        return CommandResult(command, 127, stderr=f"{command[0]}: not found")

    def processes(self) -> Sequence[Process]:
        return self._processes

    def listeners(self) -> Sequence[Listener]:
        return self._listeners

    def connections(self) -> Sequence[Connection]:
        return self._connections

    def accounts(self) -> Sequence[Account]:
        return super().accounts() if self._accounts is None else self._accounts

    def account(self, name_or_uid: str | int) -> Account | None:
        if self._accounts is None:
            return super().account(name_or_uid)
        return next((one for one in self._accounts if name_or_uid in (one.name, one.uid)), None)

    def groups(self) -> Sequence[Group]:
        return super().groups() if self._groups is None else self._groups

    def environment(self) -> Mapping[str, str]:
        return super().environment() if self._environment is None else self._environment

    def effective_uid(self) -> int:
        return super().effective_uid() if self._uid is None else self._uid

    def nvml(self) -> NvmlState:
        return super().nvml() if self._nvml is None else self._nvml
