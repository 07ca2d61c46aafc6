"""One server process in a directory of its own: the stand-in or a real TabbyAPI."""

import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

PATIENCE_SECONDS = 30.0
API_KEY = "user-key-of-the-test"
ADMIN_KEY = "admin-key-of-the-test"
TOKENS = f"api_key: {API_KEY}\nadmin_key: {ADMIN_KEY}\n"
_READY = re.compile(r"Uvicorn running on http://(\S+):(\d+)")


@dataclass(frozen=True)
class Program:
    """What to run: an interpreter and a main.py."""

    name: str
    python: str
    main: Path


@dataclass(frozen=True)
class Reply:
    """An HTTP answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.text)


def poll(condition: Callable[[], bool], what: str) -> None:
    """Wait until the condition holds, or fail."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


def free_port() -> int:
    """A port that is free together with the next one, outside the ephemeral range."""
    while True:
        port = random.randrange(20000, 32000, 2)
        try:
            for candidate in (port, port + 1):
                with socket.create_server(("127.0.0.1", candidate)):
                    pass
        except OSError:
            continue
        return port


class Server:
    """Starts the program in `directory`, with `port` given by the environment."""

    def __init__(self, program: Program, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self._program = program
        self._console = directory.with_name(f"{directory.name}.console")
        self._process: subprocess.Popen[bytes] | None = None
        (directory / "models").mkdir(parents=True)

    def __enter__(self) -> "Server":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Put files into the working directory."""
        for name, content in files.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def launch(
        self,
        files: Mapping[str, str | bytes] | None = None,
        argv: Sequence[str] = (),
        env: Mapping[str, str | None] | None = None,
    ) -> None:
        """Start the process and do not wait; `env` adds to a bare environment, None removes."""
        self.write(files or {})
        base: dict[str, str | None] = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "TABBY_DEVELOPER_UNSAFE_LAUNCH": "true",
            "TABBY_NETWORK_PORT": str(self.port),
        }
        chosen = {k: v for k, v in (base | dict(env or {})).items() if v is not None}
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(
                [self._program.python, str(self._program.main), *argv],
                cwd=self.directory,
                env=chosen,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                umask=0o022,
            )

    def start(
        self,
        files: Mapping[str, str | bytes] | None = None,
        argv: Sequence[str] = (),
        env: Mapping[str, str | None] | None = None,
    ) -> "Server":
        """Launch, and wait until it serves; `port` is then where it does."""
        self.launch(files, argv, env)
        self.wait_ready()
        return self

    def wait_ready(self) -> None:
        """Wait until it serves."""
        poll(lambda: bool(_READY.search(self.log)) or not self.running, "the server to be ready")
        found = _READY.search(self.log)
        assert found, f"the server did not start:\n{self.console}"
        self.port = int(found[2])

    def run(
        self,
        files: Mapping[str, str | bytes] | None = None,
        argv: Sequence[str] = (),
        env: Mapping[str, str | None] | None = None,
    ) -> int:
        """Launch, wait for its end, and return the exit status."""
        self.launch(files, argv, env)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end; the exit status."""
        assert self._process is not None
        return self._process.wait(PATIENCE_SECONDS)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; the exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        return self.wait()

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def console(self) -> str:
        """What it printed so far, wrapped."""
        return self._console.read_text(encoding="utf8")

    @property
    def log(self) -> str:
        """What is in logs/*.log so far; of a server that writes none, the console."""
        files = sorted((self.directory / "logs").glob("*.log"))
        return "".join(path.read_text(encoding="utf8") for path in files) if files else self.console

    def wait_log(self, pattern: str) -> None:
        """Wait for a line of the log."""
        poll(lambda: re.search(pattern, self.log) is not None, f"{pattern!r} in the log")

    def request(
        self,
        path: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Reply:
        """One request; a body that is not text is sent as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        raw = body if body is None or isinstance(body, str) else json.dumps(body)
        kind = {"Content-Type": "application/json"} if body is not None else {}
        try:
            connection.request(method, path, body=raw, headers=kind | dict(headers or {}))
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, text)

    @property
    def enforces_keys(self) -> bool:
        """Whether a request without a key is refused."""
        status = self.request("/v1/models").status
        assert status in (200, 401)
        return status == 401

    def accepts(self, key: str) -> bool:
        """Whether a Bearer key is accepted."""
        return self.request("/v1/models", headers=bearer(key)).status == 200


def bearer(key: str) -> dict[str, str]:
    """The header clients send."""
    return {"Authorization": f"Bearer {key}"}
