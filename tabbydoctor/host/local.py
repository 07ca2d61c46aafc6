"""The machine the doctor runs on."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Mapping, Sequence

import psutil

from tabbydoctor.host import accounts, commands, files, nvml, peers, processes
from tabbydoctor.host.access import PathStatus, Shaper
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
    Process,
)
from tabbydoctor.host.engine_socket import EngineDoor
from tabbydoctor.host.http import HttpDoor


class LocalHost:
    """`Host` on this very machine; see the protocol for what each call means."""

    files_below = "/"
    """The directory that is `/` to the calls on files."""

    def __init__(self) -> None:
        self._http = HttpDoor()
        self._engines = EngineDoor()
        self._only: Account | None = None

    def read(
        self, path: str, limit: int = 1 << 20, reader: Account | None = None, *, end: bool = False
    ) -> FileContent:
        return files.read(path, limit, self._reader(reader), self.files_below, end=end)

    def status(self, path: str, follow: bool = True) -> FileStatus:
        return files.status(path, follow)

    def way(self, path: str) -> PathStatus:
        return files.way(path, self.files_below)

    def names(self, directory: str, reader: Account | None = None) -> Sequence[str]:
        return files.names(directory, self._reader(reader), self.files_below)

    def real_path(self, path: str) -> str:
        return files.real_path(path)

    def seen_by(self, account: Account | None) -> LocalHost:
        seen = copy.copy(self)
        seen._only = account
        return seen

    def _reader(self, account: Account | None) -> files.Reader:
        """The given account; else whoever could have bent the way, and can do no more."""

        def of(shaper: Shaper | None) -> Account | None:
            if self._only is not None or shaper is None:
                return self._only
            known = self.account(shaper.uid) if shaper.uid is not None else None
            return account or known or accounts.unlisted(shaper)

        return of

    def accounts(self) -> Sequence[Account]:
        return accounts.accounts()

    def account(self, name_or_uid: str | int) -> Account | None:
        return accounts.account(name_or_uid)

    def groups(self) -> Sequence[Group]:
        return accounts.groups()

    def processes(self) -> Sequence[Process]:
        return processes.processes()

    def listeners(self) -> Sequence[Listener]:
        return processes.listeners()

    def inner_listeners(self, pid: int) -> Sequence[Listener]:
        return peers.inner_listeners(pid)

    def connections(self) -> Sequence[Connection]:
        return processes.connections()

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = 10.0,
        limit: int = 4 << 20,
        line_limit: int | None = None,
    ) -> CommandResult:
        return commands.run(argv, timeout=timeout, limit=limit, line_limit=line_limit)

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
        return await self._http.get(
            url,
            headers,
            method=method,
            body=body,
            timeout=timeout,
            limit=limit,
            admission=admission,
        )

    def ask_engine(self, socket: str, target: str) -> HttpAnswer:
        return self._engines.ask(socket, target, self.files_below)

    def nvml(self) -> NvmlState:
        return nvml.read()

    def environment(self) -> Mapping[str, str]:
        return os.environ

    def effective_uid(self) -> int:
        return os.geteuid()

    def boot_time(self) -> float:
        return psutil.boot_time()

    def now(self) -> float:
        return time.time()

    async def close(self) -> None:
        await self._http.close()
