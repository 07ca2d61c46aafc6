"""Each program with the configuration it is given: what it takes, what it hands on, and when.

The programs run for real, unprivileged, with their directories and the key's place moved below
the test's own. Where one is not installed its cases are skipped.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tabbydoctor.front.design import CONFIG_PATH, KEY_PATH, UNIT
from tabbydoctor.front.service import RUNTIME
from tabbydoctor.front.written import files_of

from .designs import KEY, design

PROGRAMS = ("nginx", "haproxy", "caddy")
STARTS = {
    "nginx": ("nginx", "-g", "daemon off;", "-c"),
    "haproxy": ("haproxy", "-db", "-f"),
    "caddy": ("caddy", "run", "--adapter", "caddyfile", "--config"),
}
PARSES = {
    "nginx": ("nginx", "-T", "-c"),
    "haproxy": ("haproxy", "-c", "-f"),
    "caddy": ("caddy", "adapt", "--adapter", "caddyfile", "--config"),
}


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
        while b"\r\n\r\n" not in self.request:
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


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def laid_out(directory: Path, program: str, backend: int, port: int, day: str = "1d") -> Path:
    """The program's configuration, everything of it below a directory."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    own = replace(design(program), port=port, hosts=("127.0.0.1",), upstream=f"127.0.0.1:{backend}")
    files = files_of(own, KEY)
    (directory / "key").write_bytes(files[KEY_PATH].content)
    text = files[CONFIG_PATH].content.decode()
    text = text.replace(f"/run/credentials/{UNIT}/key", f"{directory}/key")
    text = text.replace(RUNTIME, str(directory)).replace(" 1d", f" {day}")
    path = directory / "front.conf"
    path.write_text(text)
    return path


def environment(directory: Path) -> dict[str, str]:
    return {**os.environ, "TABBY_API_KEY": KEY, "HOME": str(directory)}


@contextlib.contextmanager
def fronted(directory: Path, program: str, backend: int, day: str = "1d") -> Iterator[int]:
    """The program running; gives its port."""
    port = free_port()
    path = laid_out(directory, program, backend, port, day)
    with subprocess.Popen(
        [*STARTS[program], str(path)],
        env=environment(directory),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            while process.poll() is None:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except ConnectionRefusedError:
                    continue
            assert process.poll() is None, f"{program} ended"
            yield port
        finally:
            process.terminate()


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
