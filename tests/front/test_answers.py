"""What comes back through each program is what TabbyAPI sent: whole, at once, or seen to be cut."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .running import PROGRAMS, fronted

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
TOKENS = 2000
Answering = Callable[[socket.socket, bytes, int], None]
"""What is done with a connection, what came on it so far, and the length of the request's body."""


@contextlib.contextmanager
def upstream(answer: Answering) -> Iterator[int]:
    """Answers each request when its head is there; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, answer), daemon=True).start()
        yield listener.getsockname()[1]


def _accept(listener: socket.socket, answer: Answering) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_serve, args=(connection, answer), daemon=True).start()


def _serve(connection: socket.socket, answer: Answering) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    came = b""
    with connection, contextlib.suppress(OSError):
        while part := connection.recv(65536):
            came += part
            head, end, body = came.partition(b"\r\n\r\n")
            if end:
                size = re.search(rb"(?i)\ncontent-length: *(\d+)", head)
                answer(connection, body, int(size[1]) if size else 0)
                came = b""


def asked(port: int, body: bytes = b"{}") -> bytes:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(client):
        client.request("POST", "/v1/completions", body)
        return client.getresponse().read()


def rest_of(connection: socket.socket, body: bytes, size: int) -> bytes:
    while len(body) < size and (part := connection.recv(65536)):
        body += part
    return body


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_answer_that_begins_before_the_request_is_read_is_whole(
    tmp_path: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Go's server drops what is left of a request then: golang/go#40747, seen on several CPUs."""
    monkeypatch.setenv("GOMAXPROCS", "4")

    def early(connection: socket.socket, body: bytes, size: int) -> None:
        connection.sendall(HEAD + b"6\r\nfirst\n\r\n")
        rest_of(connection, body, size)
        connection.sendall(b"5\r\nlast\n\r\n0\r\n\r\n")

    with upstream(early) as backend, fronted(tmp_path, program, backend) as port:
        assert {asked(port, b"x" * 3000) for _ in range(60)} == {b"first\nlast\n"}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_request_arrives_to_the_byte(tmp_path: Path, program: str) -> None:
    sent = bytes(range(256)) * 2048 + b"{env.HOME} $host %[path] {http.request.body}"

    def echo(connection: socket.socket, body: bytes, size: int) -> None:
        body = rest_of(connection, body, size)
        connection.sendall(HEAD + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))

    with upstream(echo) as backend, fronted(tmp_path, program, backend) as port:
        assert asked(port, sent) == sent


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_token_waits_for_the_next(tmp_path: Path, program: str) -> None:
    """The next is sent when one has arrived: held back for 200 ms each, it would never end."""
    taken = threading.Semaphore(0)

    def lock_step(connection: socket.socket, body: bytes, size: int) -> None:
        rest_of(connection, body, size)
        connection.sendall(HEAD)
        for _ in range(TOKENS):
            connection.sendall(b"6\r\ntoken\n\r\n")
            taken.acquire()
        connection.sendall(b"0\r\n\r\n")

    with upstream(lock_step) as backend, fronted(tmp_path, program, backend) as port:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        client.request("POST", "/v1/completions", b"{}")
        answer = client.getresponse()
        for _ in range(TOKENS):
            assert answer.read(6) == b"token\n"
            taken.release()
        assert answer.read() == b""
        client.close()


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_answer_that_tabbyapi_broke_off_is_seen_to_be_cut(tmp_path: Path, program: str) -> None:
    def broken(connection: socket.socket, body: bytes, size: int) -> None:
        rest_of(connection, body, size)
        connection.sendall(HEAD + b"6\r\nfirst\n\r\n")
        connection.shutdown(socket.SHUT_RDWR)

    with upstream(broken) as backend, fronted(tmp_path, program, backend) as port:
        if program == "caddy" and caddy() < (2, 8):
            assert asked(port) == b"first\n"  # caddyserver/caddy#5951; the README says so
            return
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            asked(port)


def caddy() -> tuple[int, ...]:
    """Its release."""
    told = subprocess.run(["caddy", "version"], capture_output=True, text=True, check=True)
    found = re.search(r"(\d+)\.(\d+)", told.stdout)
    assert found
    return tuple(map(int, found.groups()))
