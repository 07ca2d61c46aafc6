"""A router as a process of its own, listening."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.contract.server import poll


def ask(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
    """Status and body of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@contextmanager
def served(
    source: bytes,
    port: int,
    directory: Path,
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """The router as a process, listening; `environment` comes on top of this one's."""
    path = directory / "router.py"
    path.write_bytes(source)
    variables = {**os.environ, **(environment or {})}
    with (directory / "router.log").open("wb") as log:
        process = subprocess.Popen([python, str(path)], stdout=log, stderr=log, env=variables)
    try:
        poll(lambda: listening(port) or process.poll() is not None, "the router")
        assert process.poll() is None, (directory / "router.log").read_text()
        yield
    finally:
        process.kill()
        process.wait()


def listening(port: int) -> bool:
    """Whether a server answers there."""
    try:
        ask(port, "GET", "/nothing-here")
    except (OSError, http.client.HTTPException):
        return False
    return True
