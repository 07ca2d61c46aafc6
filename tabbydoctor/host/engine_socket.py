"""One question to a container's engine at its unix socket: what containers there are, or of one.

Nothing else is ever asked: the method is GET, the path one of two. Where anybody but root (or the
doctor's own account) could have put the socket there, or is who listens at it, it is not asked.
An answer is read in bounded time and size, and no redirect is followed.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import stat
import struct
import time

from tabbydoctor.host.access import PathStatus
from tabbydoctor.host.data import HttpAnswer
from tabbydoctor.host.walk import find

_ASKED = re.compile(r"/containers/(?:json\?all=1|[0-9a-f]{64}/json)")
"""The list and the description of one, as Docker and Podman give them (Docker Engine API)."""
_CREDENTIALS = struct.Struct("3i")
"""`struct ucred` (unix(7)): process, user, group."""
PATIENCE = 5.0
"""Seconds that all answers of an engine may take."""
_READ = 64 << 10
"""Bytes."""


class EngineDoor:
    """The local machine's engines: one that took long in all is asked no more."""

    def __init__(self) -> None:
        self._taken: dict[str, float] = {}

    def ask(self, path: str, target: str, root: str) -> HttpAnswer:
        """As `ask`; a timeout at once where all answers there took too long already."""
        taken = self._taken.get(path, 0.0)
        if taken >= PATIENCE:
            return HttpAnswer("", error="timeout", detail="its answers took too long")
        answer = ask(path, target, root=root)
        self._taken[path] = taken + answer.elapsed
        return answer


def ask(
    path: str, target: str, *, timeout: float = 2.0, limit: int = 4 << 20, root: str = "/"
) -> HttpAnswer:
    """The answer of the engine at a socket. Never raises for what the other side does.

    `error` as in `HttpAnswer`; `withheld` where the socket or the question is none to ask.
    """
    begun, answer = time.monotonic(), _Answer(limit)
    error, detail = None, ""
    try:
        if not _ASKED.fullmatch(target):
            raise PermissionError(errno.EPERM, "not a question to an engine")
        with find(path, root) as found, _connected(found.way, found.handle, timeout) as connection:
            answer.take(connection, target, begun + timeout)
    except TimeoutError:
        error, detail = "timeout", "no whole answer in time"
    except PermissionError as failure:
        error, detail = "withheld", failure.strerror or ""
    except ConnectionRefusedError:
        error, detail = "refused", "connection refused"
    except OSError as failure:
        error, detail = "unreachable", failure.strerror or ""
    except ValueError:
        error, detail = "protocol", "what answers does not speak HTTP"
    return HttpAnswer(
        f"unix:{path}:{target}",
        status=answer.status,
        body=bytes(answer.body[:limit]),
        truncated=answer.truncated or (error is not None and answer.status is not None),
        error=error,
        detail=detail,
        elapsed=time.monotonic() - begun,
    )


def _connected(way: PathStatus, handle: int, timeout: float) -> socket.socket:
    """A connection to this very socket. Raises PermissionError where it is not to be trusted."""
    trusted = {0, os.geteuid()}
    if not stat.S_ISSOCK(way.leaf.mode):
        raise OSError(errno.ENOTSOCK, os.strerror(errno.ENOTSOCK))
    if way.shaper is not None or way.leaf.uid not in trusted:
        raise PermissionError(errno.EPERM, "others could have put that socket there")
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(f"/proc/self/fd/{handle}")  # what was looked at, however long its name
        size = _CREDENTIALS.size
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        if _CREDENTIALS.unpack(peer)[1] not in trusted:
            raise PermissionError(errno.EPERM, "another account listens there")
    except BaseException:
        connection.close()
        raise
    return connection


class _Answer:
    """What came so far, until its end or just past the limit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.status: int | None = None
        self.body = bytearray()
        self.truncated = False

    def take(self, connection: socket.socket, target: str, until: float) -> None:
        """Ask, and take what comes. Raises OSError, or ValueError where it is no HTTP."""
        import h11

        speaks = h11.Connection(h11.CLIENT)
        headers = [("Host", "localhost"), ("Connection", "close"), ("Accept", "application/json")]
        asked = (h11.Request(method="GET", target=target, headers=headers), h11.EndOfMessage())
        connection.sendall(b"".join(speaks.send(event) or b"" for event in asked))
        try:
            while True:
                event = speaks.next_event()
                if event is h11.NEED_DATA:
                    speaks.receive_data(_received(connection, until))
                elif self._is_last(event):
                    return
        except h11.RemoteProtocolError as error:
            raise ValueError("no HTTP") from error

    def _is_last(self, event: object) -> bool:
        """Take a part of the answer; whether no more is wanted."""
        import h11

        if isinstance(event, h11.Response):
            self.status = event.status_code
            return self.status != 200  # a redirect, say: what else it tells does not count
        if isinstance(event, h11.Data):
            self.body += event.data
            self.truncated = len(self.body) > self.limit
            return self.truncated
        return not isinstance(event, h11.InformationalResponse)


def _received(connection: socket.socket, until: float) -> bytes:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
    return connection.recv(_READ)
