"""The programs run for real, unprivileged, all of theirs below a directory of the test's own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
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


class DidNotStartError(Exception):
    """A program that did not take what it was given."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def laid_out(
    directory: Path, program: str, backend: int, port: int, day: str = "1d", key: str = KEY
) -> Path:
    """The program's configuration, everything of it below a directory."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    own = replace(design(program), port=port, hosts=("127.0.0.1",), upstream=f"127.0.0.1:{backend}")
    files = files_of(own, KEY)
    (directory / "key").write_bytes(files[KEY_PATH].content if key else b"")
    text = files[CONFIG_PATH].content.decode()
    text = text.replace(f"/run/credentials/{UNIT}/key", f"{directory}/key")
    text = text.replace(RUNTIME, str(directory)).replace(" 1d", f" {day}")
    path = directory / "front.conf"
    path.write_text(text)
    return path


def environment(directory: Path, key: str = KEY) -> dict[str, str]:
    return {**os.environ, "TABBY_API_KEY": key, "HOME": str(directory)}


@contextlib.contextmanager
def fronted(
    directory: Path, program: str, backend: int, day: str = "1d", key: str = KEY
) -> Iterator[int]:
    """The program running; gives its port. Without a key its file is empty."""
    port = free_port()
    path = laid_out(directory, program, backend, port, day, key)
    with subprocess.Popen(
        [*STARTS[program], str(path)],
        env=environment(directory, key),
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
            if process.poll() is not None:
                raise DidNotStartError(program)
            yield port
        finally:
            process.terminate()
