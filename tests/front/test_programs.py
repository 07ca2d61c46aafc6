"""Each program with the configuration it is given: what it takes, what it hands on, and when.

The programs run for real, unprivileged, with their directories and the key's place moved below
the test's own. Where one is not installed its cases are skipped.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from .designs import KEY
from .running import PARSES, PROGRAMS, environment, fronted, laid_out


@dataclass
class Backend:
    """Answers one request in parts, each when the test says so; notes what came."""

    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    request: bytes = b""
    cut: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def serve(self) -> None:
        with self.listener:
            connection, _ = self.listener.accept()
        with connection:
            self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        while not self.request.endswith(b"\r\n\r\n{}"):
            self.request += connection.recv(65536)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n6\r\nfirst\n\r\n")
        watch = threading.Thread(target=self._watch, args=(connection,), daemon=True)
        watch.start()
        self.go_on.wait(60)
        with contextlib.suppress(OSError):
            connection.sendall(b"5\r\nlast\n\r\n0\r\n\r\n")
        watch.join(60)

    def _watch(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if connection.recv(1):
                return
        self.cut.set()


@pytest.mark.parametrize("program", PROGRAMS)
def test_its_own_parser_takes_it(tmp_path: Path, program: str) -> None:
    path = laid_out(tmp_path, program, 5000, 5080)
    ran = subprocess.run(
        [*PARSES[program], str(path)],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    if program == "caddy":
        told = json.dumps(json.loads(ran.stdout))
        assert "read_timeout" not in told  # without one it waits for ever
        assert '"flush_interval": -1' in told


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_first_part_arrives_before_the_last_is_sent(tmp_path: Path, program: str) -> None:
    backend = Backend()
    serving = threading.Thread(target=backend.serve, daemon=True)
    serving.start()
    with fronted(tmp_path, program, backend.port) as port:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        client.request("POST", "/v1/completions", b"{}", {"Authorization": "Bearer x"})
        answer = client.getresponse()
        assert answer.read(6) == b"first\n"
        assert not backend.go_on.is_set()
        backend.go_on.set()
        assert answer.read() == b"last\n"
        client.close()
    serving.join(30)
    head = backend.request.decode().split("\r\n")
    told = [line.partition(": ")[2] for line in head if line.lower().startswith("authorization")]
    assert told == [f"Bearer {KEY}"]


@pytest.mark.parametrize("program", ["nginx", "haproxy"])
def test_a_pause_is_cut_by_the_limit_that_is_a_day(tmp_path: Path, program: str) -> None:
    """With a second in the place of the day the same pause ends the answer: that limit counts."""
    backend = Backend()
    serving = threading.Thread(target=backend.serve, daemon=True)
    serving.start()
    with fronted(tmp_path, program, backend.port, "1s") as port:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        client.request("POST", "/v1/completions", b"{}")
        answer = client.getresponse()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
        assert backend.cut.wait(30)
        client.close()
    backend.go_on.set()
    serving.join(30)


@pytest.mark.parametrize("path", ["/v1/model/load#x", "/v1/model/load%23x", "/v1/model/load/#"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_fragment_leads_round_no_refusal(tmp_path: Path, program: str, path: str) -> None:
    """Nothing listens behind it: what is handed on is a 502."""
    with fronted(tmp_path, program, 1) as port, socket.create_connection(("127.0.0.1", port)) as s:
        ask = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
        s.sendall(ask.encode() + b"{}")
        assert s.makefile("rb").readline().split()[1] in (b"400", b"403")
