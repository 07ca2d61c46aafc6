"""The machine the doctor runs on."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import psutil

from tabbydoctor.host import accounts, commands, files, nvml, processes
from tabbydoctor.host.data import (
    Account,
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
from tabbydoctor.host.http import HttpDoor


class LocalHost:
    """`Host` on this very machine; see the protocol for what each call means."""

    def __init__(self) -> None:
        self._http = HttpDoor()

    def read(self, path: str, limit: int = 1 << 20) -> FileContent:
        return files.read(path, limit)

    def status(self, path: str, follow: bool = True) -> FileStatus:
        return files.status(path, follow)

    def names(self, directory: str) -> Sequence[str]:
        return sorted(os.listdir(directory))

    def real_path(self, path: str) -> str:
        return os.path.realpath(path)

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
    ) -> HttpAnswer:
        return await self._http.get(
            url, headers, method=method, body=body, timeout=timeout, limit=limit
        )

    def nvml(self) -> NvmlState:
        return nvml.read()

    def environment(self) -> Mapping[str, str]:
        return os.environ

    def effective_uid(self) -> int:
        return os.geteuid()

    def boot_time(self) -> float:
        return psutil.boot_time()

    async def close(self) -> None:
        await self._http.close()
