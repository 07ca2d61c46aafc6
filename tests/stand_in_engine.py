"""A stand-in for a container's engine: a real unix socket that answers what it is told."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def answered(body: object, head: bytes = OK) -> bytes:
    """A whole answer with a JSON body."""
    raw = json.dumps(body).encode()
    return head + b"Content-Length: %d\r\n\r\n" % len(raw) + raw


class StandInEngine:
    """Listens at a path until it is left; `asked` are the first lines of all it was asked.

    What is not told is answered with 404. An answer without an end is sent until it is hung up on.
    """

    def __init__(self, path: Path, answers: Mapping[str, bytes], endless: bytes = b"") -> None:
        self.asked: list[str] = []
        self._answers, self._endless = dict(answers), endless
        path.parent.mkdir(parents=True, exist_ok=True)
        self._socket = socket.socket(socket.AF_UNIX)
        here = os.open(path.parent, os.O_PATH)  # a long name fits into no address
        self._socket.bind(f"/proc/self/fd/{here}/{path.name}")
        os.close(here)
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> StandInEngine:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                try:
                    self._answer(connection)
                except OSError:
                    continue  # hung up on

    def _answer(self, connection: socket.socket) -> None:
        line = connection.recv(65536).decode().partition("\r\n")[0]
        self.asked.append(line)
        missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(self._answers.get(line.split(" ")[1], missing))
        while self._endless:
            connection.sendall(self._endless)
