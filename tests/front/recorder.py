"""A server behind a front that keeps every byte it gets: `python recorder.py PORT DIRECTORY`.

It takes requests as a server of HTTP/1.1 does, and promises whatever is asked: 100 for
`Expect:`, 101 for `Upgrade:`, 200 for all else, `CONNECT` too. Each connection is a file of the
directory. The standard library alone, so that it runs on any machine.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    b"Connection: keep-alive\r\n\r\n%b"
)
_SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n"


def serve(listener: socket.socket, directory: Path) -> None:
    """Until the listener is closed."""
    with contextlib.suppress(OSError):
        for number in itertools.count():
            connection, _ = listener.accept()
            record = directory / f"{number:05}"
            threading.Thread(target=_converse, args=(connection, record), daemon=True).start()


def _converse(connection: socket.socket, record: Path) -> None:
    came = b""
    with connection, record.open("ab", buffering=0) as kept, contextlib.suppress(OSError):

        def until(done: Callable[[bytes], bool]) -> bytes:
            nonlocal came
            while not done(came):
                part = connection.recv(65536)
                if not part:
                    raise ConnectionError
                kept.write(part)
                came += part
            return came

        while True:
            head, _, came = until(lambda held: b"\r\n\r\n" in held).partition(b"\r\n\r\n")
            if _field(head, b"expect"):
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            if b"chunked" in _field(head, b"transfer-encoding").lower():
                came = until(lambda held: _chunks(held) is not None)
                came = came[_chunks(came) or 0 :]
            else:
                size = int(_field(head, b"content-length") or 0)
                came = until(lambda held, size=size: len(held) >= size)[size:]  # type: ignore[misc]
            protocol = _field(head, b"upgrade")
            if protocol:
                connection.sendall(_SWITCHED % protocol)
            else:
                line = b"" if head.startswith(b"HEAD ") else head.partition(b"\r\n")[0]
                size = len(head.partition(b"\r\n")[0])
                connection.sendall(_ANSWER % (size, line))


def _field(head: bytes, name: bytes) -> bytes:
    found = re.search(rb"(?im)^%b: *([^\r\n]*)" % name, head)
    return found[1].strip() if found else b""


def _chunks(held: bytes) -> int | None:
    """How long a chunked body is; None where its end has not come."""
    at = 0
    while True:
        line = held.find(b"\r\n", at)
        if line < 0:
            return None
        size = int(held[at:line].partition(b";")[0] or b"0", 16)
        at = line + 2 + size + 2
        if len(held) < at:
            return None
        if size == 0:
            return at


if __name__ == "__main__":
    serve(socket.create_server(("127.0.0.1", int(sys.argv[1]))), Path(sys.argv[2]))
