"""Real gateways on loopback, and a server behind them that writes down what it is asked.

What they answer is what the reading is held to. A program that is not installed is a reason to
skip; CI installs all of them.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

CALLERS_KEY = "sk-of-a-caller"
_WAIT = 20.0


@dataclass(frozen=True)
class Asked:
    """One request, as the server behind got it."""

    method: str
    path: str
    authorization: str | None
    x_api_key: str | None
    host: str | None
    real_ip: str | None


@dataclass
class Recorder:
    """A server that answers everything with 200, and keeps what it was asked."""

    port: int
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def recorder() -> Iterator[Recorder]:
    """The server behind a gateway."""
    found: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            get = self.headers.get
            path = self.requestline.split()[1]  # as it came: `self.path` has no two slashes
            keys = get("Authorization"), get("X-Api-Key")
            found.append(Asked(self.command, path, *keys, get("Host"), get("X-Real-IP")))
            body = json.dumps({"ok": True}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_HEAD = do_OPTIONS = _answer  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield Recorder(server.server_port, found)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def program(name: str) -> str:
    """Where a gateway is installed; skips without it."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        if os.environ.get("TABBYDOCTOR_REQUIRE_LAB") == "1":
            pytest.fail(f"{name} is not installed, and CI installs it")
        pytest.skip(f"{name} is not installed (apt-get install {name})")
    return found


@contextmanager
def running(argv: list[str], port: int, environment: dict[str, str]) -> Iterator[None]:
    """A gateway as a plain process, once it accepts connections."""
    process = subprocess.Popen(
        argv, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        until = time.monotonic() + _WAIT
        while True:
            if process.poll() is not None or time.monotonic() > until:
                output = process.communicate(timeout=5)[0].decode(errors="replace")
                raise AssertionError(f"{argv[0]} does not run: {output}")
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            except OSError:
                time.sleep(0.02)  # until it listens, bounded above
        yield
    finally:
        process.terminate()
        process.communicate(timeout=10)


@contextmanager
def nginx(directory: Path, site: str, port: int) -> Iterator[None]:
    """nginx with a site of its own."""
    path = directory / "nginx.conf"
    path.write_text(
        f"pid {directory}/nginx.pid; error_log stderr; daemon off; master_process off;\n"
        "events {}\nhttp { access_log off;\n"
        + "".join(
            f"{kind}_temp_path {directory}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        + f"include {directory}/site.conf;\n}}\n"
    )
    (directory / "site.conf").write_text(site)
    argv = [program("nginx"), "-c", str(path), "-p", str(directory), "-e", "stderr"]
    with running(argv, port, {}):
        yield


@contextmanager
def haproxy(directory: Path, config: str, port: int) -> Iterator[None]:
    """HAProxy with a configuration."""
    path = directory / "haproxy.cfg"
    path.write_text(config)
    with running([program("haproxy"), "-db", "-f", str(path)], port, {"TABBY_API_KEY": "k-env"}):
        yield


@contextmanager
def caddy(directory: Path, config: str, port: int) -> Iterator[None]:
    """Caddy with a Caddyfile."""
    path = directory / "Caddyfile"
    path.write_text(config)
    argv = [program("caddy"), "run", "--config", str(path), "--adapter", "caddyfile"]
    homes = {"HOME": str(directory), "XDG_DATA_HOME": str(directory), "TABBY_API_KEY": "k-env"}
    with running(argv, port, {**homes, "XDG_CONFIG_HOME": str(directory)}):
        yield


def ask(
    port: int, path: str, *, method: str = "POST", host: str = "127.0.0.1", key: str = CALLERS_KEY
) -> int:
    """One request through a gateway; its status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Host": host, "Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {key}"} if key else {}
    connection.request(method, path, body="{}" if method == "POST" else None, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status
