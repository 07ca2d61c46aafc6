"""Listeners on loopback that behave badly, and remember every byte they were sent."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping

from tabbydoctor.host import Process, processes

Behaviour = Callable[[socket.socket, bytes], None]
"""What a listener does with a connection whose request (the head at least) has been read."""


class Listener:
    """A listening socket with a behaviour; `received` holds what each connection sent."""

    def __init__(self, behave: Behaviour, address: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.create_server((address, 0), family=family)
        self._behave = behave
        self._open: list[socket.socket] = []
        self.received: list[bytes] = []
        self.port: int = self._socket.getsockname()[1]
        shown = f"[{address}]" if ":" in address else address
        self.url = f"http://{shown}:{self.port}"
        self._tls: ssl.SSLContext | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def wrap(self, tls: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._tls = tls

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            request = b""
            while b"\r\n\r\n" not in request and (more := connection.recv(65536)):
                request += more
                if request.startswith(b"\x16"):  # a TLS handshake ends otherwise
                    break
            self.received.append(request)
            self._behave(connection, request)

    def close(self) -> None:
        """Stop listening, and hang up on everybody."""
        for one in (self._socket, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def saw(self, words: str) -> bool:
        """Whether any connection sent these words."""
        return any(words.encode() in request for request in self.received)


def holder_of(port: int) -> Process:
    """The process that listens on a port, as it is now."""
    return next(
        processes.line_of(each.pid)[0]
        for each in processes.listeners()
        if each.port == port and each.pid
    )


@contextlib.contextmanager
def listening(behave: Behaviour, address: str = "127.0.0.1") -> Iterator[Listener]:
    """A listener for the time of a `with`."""
    listener = Listener(behave, address)
    try:
        yield listener
    finally:
        listener.close()


def says(answer: bytes) -> Behaviour:
    """Sends these bytes and hangs up."""
    return lambda connection, _: connection.sendall(answer)


def answers(status: str, body: bytes = b"", *headers: str) -> Behaviour:
    """Sends a proper HTTP answer."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return says("\r\n".join(head).encode() + b"\r\n\r\n" + body)


def routes(table: Mapping[str, Behaviour], otherwise: Behaviour | None = None) -> Behaviour:
    """Each path behaves in its own way; others are 404, as FastAPI says it."""
    missing = otherwise or answers("404 Not Found", b'{"detail":"Not Found"}')

    def route(connection: socket.socket, request: bytes) -> None:
        path = request.split(b" ", 2)[1].decode().partition("?")[0]
        table.get(path, missing)(connection, request)

    return route


def hangs(connection: socket.socket, _: bytes) -> None:
    """Never answers."""
    while connection.recv(65536):
        pass


def drips(connection: socket.socket, _: bytes) -> None:
    """A proper head, then a byte every twentieth of a second for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    pause = threading.Event()
    while not pause.wait(0.05):
        connection.sendall(b"x")


def streams(connection: socket.socket, _: bytes) -> None:
    """A proper head, then bytes without end, as fast as they are taken."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def resets(connection: socket.socket, _: bytes) -> None:
    """Hangs up with a TCP RST (SO_LINGER of zero, socket(7))."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
