"""A host whose every answer is kept, and one that answers from what was kept.

An answer is kept under the call and its arguments, several of one call in their order. What the
recorded host was never asked, the replaying one does not know, and says so as the kernel would.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

import msgspec

from tabbydoctor.host import Host
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
from tabbydoctor.host.unrecorded import unrecorded
from tabbydoctor.records import replace

T = TypeVar("T")
Recorded = dict[str, Any]
"""One answer: `call`, `arguments`, and `answer` or `error`; of a request also `peers`."""
KINDS: Mapping[str, Any] = {
    "read": FileContent,
    "way": PathStatus,
    "status": FileStatus,
    "names": tuple[str, ...],
    "real_path": str,
    "accounts": tuple[Account, ...],
    "account": Account | None,
    "groups": tuple[Group, ...],
    "processes": tuple[Process, ...],
    "listeners": tuple[Listener, ...],
    "inner_listeners": tuple[Listener, ...],
    "connections": tuple[Connection, ...],
    "run": CommandResult,
    "get": HttpAnswer,
    "ask_engine": HttpAnswer,
    "nvml": NvmlState,
    "environment": dict[str, str],
    "effective_uid": int,
    "boot_time": float,
    "now": float,
}
"""Call -> what it answers."""
_MARKED = re.compile(r"-(begin|end)-[0-9a-f]{6}\b")
"""Of a request that marks a place in TabbyAPI's log: another word each time."""


class AnswerRecord:
    """What a host answered, safe for threads."""

    def __init__(self) -> None:
        self._answers: list[Recorded] = []
        self._lock = threading.Lock()

    def keep(self, call: str, arguments: Sequence[Any], **said: Any) -> None:
        """One more."""
        with self._lock:
            self._answers.append({"call": call, "arguments": list(arguments), **said})

    def answers(self) -> list[Recorded]:
        """All so far."""
        with self._lock:
            return list(self._answers)


class _Asked:
    """The calls of `Host`, each by its name and what is told apart of its arguments."""

    _only: Account | None = None

    def _ask(self, call: str, arguments: Sequence[Any], ask: Callable[[Host], T]) -> T:
        raise NotImplementedError

    def read(
        self, path: str, limit: int = 1 << 20, reader: Account | None = None, *, end: bool = False
    ) -> FileContent:
        asked = (path, limit, _uid(reader), end, _uid(self._only))
        return self._ask("read", asked, lambda host: host.read(path, limit, reader, end=end))

    def way(self, path: str) -> PathStatus:
        return self._ask("way", (path,), lambda host: host.way(path))

    def status(self, path: str, follow: bool = True) -> FileStatus:
        return self._ask("status", (path, follow), lambda host: host.status(path, follow))

    def names(self, directory: str, reader: Account | None = None) -> Sequence[str]:
        asked = (directory, _uid(reader), _uid(self._only))
        return self._ask("names", asked, lambda host: host.names(directory, reader))

    def real_path(self, path: str) -> str:
        return self._ask("real_path", (path,), lambda host: host.real_path(path))

    def accounts(self) -> Sequence[Account]:
        return self._ask("accounts", (), lambda host: host.accounts())

    def account(self, name_or_uid: str | int) -> Account | None:
        return self._ask("account", (name_or_uid,), lambda host: host.account(name_or_uid))

    def groups(self) -> Sequence[Group]:
        return self._ask("groups", (), lambda host: host.groups())

    def processes(self) -> Sequence[Process]:
        return self._ask("processes", (), lambda host: host.processes())

    def listeners(self) -> Sequence[Listener]:
        return self._ask("listeners", (), lambda host: host.listeners())

    def inner_listeners(self, pid: int) -> Sequence[Listener]:
        return self._ask("inner_listeners", (pid,), lambda host: host.inner_listeners(pid))

    def connections(self) -> Sequence[Connection]:
        return self._ask("connections", (), lambda host: host.connections())

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = 10.0,
        limit: int = 4 << 20,
        line_limit: int | None = None,
    ) -> CommandResult:
        return self._ask(
            "run",
            (*argv, limit, line_limit),
            lambda host: host.run(argv, timeout=timeout, limit=limit, line_limit=line_limit),
        )

    def ask_engine(self, socket: str, target: str) -> HttpAnswer:
        return self._ask(
            "ask_engine", (socket, target), lambda host: host.ask_engine(socket, target)
        )

    def nvml(self) -> NvmlState:
        return self._ask("nvml", (), lambda host: host.nvml())

    def environment(self) -> Mapping[str, str]:
        return self._ask("environment", (), lambda host: dict(host.environment()))

    def effective_uid(self) -> int:
        return self._ask("effective_uid", (), lambda host: host.effective_uid())

    def boot_time(self) -> float:
        return self._ask("boot_time", (), lambda host: host.boot_time())

    def now(self) -> float:
        return self._ask("now", (), lambda host: host.now())


class RecordingHost(_Asked):
    """Another host, whose answers are kept in a record."""

    def __init__(self, host: Host, record: AnswerRecord, only: Account | None = None) -> None:
        self._host = host
        self._record = record
        self._only = only

    def seen_by(self, account: Account | None) -> RecordingHost:
        return RecordingHost(self._host.seen_by(account), self._record, account)

    def _ask(self, call: str, arguments: Sequence[Any], ask: Callable[[Host], T]) -> T:
        try:
            answer = ask(self._host)
        except OSError as error:
            said = {"errno": error.errno or 0, "filename": str(error.filename or "")}
            self._record.keep(call, arguments, error=said)
            raise
        self._record.keep(call, arguments, answer=msgspec.to_builtins(answer))
        return answer

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
        peers: list[Peer] = []

        def judged(peer: Peer) -> str:
            peers.append(peer)
            return admission.refusal(peer) if admission else ""

        answer = await self._host.get(
            url, headers, method=method, body=body, timeout=timeout, limit=limit,
            admission=replace(admission, refusal=judged) if admission else None,
        )  # fmt: skip
        said = {"answer": msgspec.to_builtins(answer), "peers": msgspec.to_builtins(peers)}
        self._record.keep("get", _request(url, headers, method, body), **said)
        return answer

    async def close(self) -> None:
        await self._host.close()


class ReplayedHost(_Asked):
    """A host that answers as another one did. Raises ValueError for answers that are none."""

    def __init__(self, answers: Iterable[Recorded]) -> None:
        self._answers: dict[str, list[Recorded]] = {}
        for one in answers:
            if one.get("call") not in KINDS:
                raise ValueError(f"no call of a host: {one.get('call')!r:.40}")
            self._answers.setdefault(_key(one["call"], one["arguments"]), []).append(_read(one))
        self._next: dict[str, int] = {}
        self._lock = threading.Lock()

    def seen_by(self, account: Account | None) -> ReplayedHost:
        seen = ReplayedHost(())
        seen._answers, seen._next, seen._lock = self._answers, self._next, self._lock
        seen._only = account
        return seen

    def _ask(self, call: str, arguments: Sequence[Any], ask: Callable[[Host], T]) -> T:
        kept = self._kept(call, arguments)
        if kept is None:
            return cast("T", unrecorded(call, arguments))
        if "error" in kept:
            number = kept["error"]["errno"]
            raise OSError(number, os.strerror(number), kept["error"]["filename"])
        return cast("T", kept["answer"])

    def _kept(self, call: str, arguments: Sequence[Any]) -> Recorded | None:
        """The next answer to this call; the last one again where they are used up."""
        key = _key(call, arguments)
        with self._lock:
            if not (kept := self._answers.get(key)):
                return None
            at = self._next.get(key, 0)
            self._next[key] = min(at + 1, len(kept) - 1)
            return kept[at]

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
        kept = self._kept("get", _request(url, headers, method, body))
        if kept is None:
            return HttpAnswer(url, method, error="unreachable", detail="not in the bundle")
        for peer in kept["peers"]:
            if admission is not None:
                admission.refusal(peer)
        return cast("HttpAnswer", kept["answer"])

    async def close(self) -> None:
        return


def _read(one: Recorded) -> Recorded:
    """An answer as the host gave it. Raises ValueError where it is none of that call's."""
    if "error" in one:
        number, name = one["error"]["errno"], one["error"]["filename"]
        if not isinstance(number, int) or not isinstance(name, str):
            raise ValueError("an error that is none")
        return {"error": {"errno": number, "filename": name}}
    answer = msgspec.convert(one["answer"], KINDS[one["call"]])
    return {"answer": answer, "peers": msgspec.convert(one.get("peers", ()), tuple[Peer, ...])}


def _request(
    url: str, headers: Mapping[str, str] | None, method: str, body: bytes | None
) -> tuple[Any, ...]:
    text = None if body is None else body.decode("utf-8", "surrogateescape")
    return (_MARKED.sub(r"-\1-", url), dict(headers or {}), method, text)


def _uid(account: Account | None) -> int | None:
    return account.uid if account else None


def _key(call: str, arguments: Sequence[Any]) -> str:
    return json.dumps([call, *arguments], sort_keys=True)
