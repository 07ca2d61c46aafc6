"""A deployment in a temporary directory: a stand-in TabbyAPI behind a hand-written router."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path

from tabbydoctor.demo import standin
from tabbydoctor.demo.backend import OtherBackend, running_backend
from tabbydoctor.invocation import own_imports
from tabbydoctor.records import dataclass

READY_WITHIN = 20.0
"""Seconds."""


class DemoError(Exception):
    """The stand-in deployment did not do as it should; the message says what it did."""


@dataclass(frozen=True, slots=True)
class DemoDeployment:
    """Where things are. Everything goes away when the context ends."""

    directory: Path
    """TabbyAPI's working directory."""
    url: str
    router: Path
    router_url: str
    backend: OtherBackend
    """The backend beside TabbyAPI."""
    state: Path
    """Where the doctor may record its changes."""
    tabbyapi: RunningProgram
    router_program: RunningProgram


@contextlib.contextmanager
def demo_deployment() -> Iterator[DemoDeployment]:
    """TabbyAPI with keys, and a router that sends none. Raises DemoError."""
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tabbydoctor-demo-")))
        backend = stack.enter_context(running_backend())
        tabby, router = _free_ports(2)
        directory, source = root / "TabbyAPI", root / "router" / "router.py"
        _lay_out_tabbyapi(directory, tabby)
        ports = {"ROUTER_PORT": router, "TABBY_PORT": tabby, "LLAMACPP_PORT": backend.server_port}
        _lay_out_router(source, ports)
        url, router_url = f"http://127.0.0.1:{tabby}", f"http://127.0.0.1:{router}"
        programs = [
            stack.enter_context(RunningProgram("main.py", directory, f"{url}/health")),
            stack.enter_context(RunningProgram("router.py", source.parent, f"{router_url}/health")),
        ]
        yield DemoDeployment(directory, url, source, router_url, backend, root / "state", *programs)


def _lay_out_tabbyapi(directory: Path, port: int) -> None:
    directory.mkdir()
    standin.install(directory)
    (directory / "config.yml").write_text(
        f"network:\n  host: 127.0.0.1\n  port: {port}\n\ndeveloper:\n  unsafe_launch: true\n"
    )
    tokens = directory / "api_tokens.yml"
    tokens.touch(mode=0o600)
    tokens.write_text(f"api_key: {os.urandom(16).hex()}\nadmin_key: {os.urandom(16).hex()}\n")


def _lay_out_router(path: Path, ports: dict[str, int]) -> None:
    path.parent.mkdir()
    text = resources.files("tabbydoctor.demo").joinpath("router.py.txt").read_text()
    lines = [_with_port(line, ports) for line in text.splitlines()]
    path.write_text("\n".join(lines) + "\n")


def _with_port(line: str, ports: dict[str, int]) -> str:
    name = line.partition(" = ")[0]
    return f"{name} = {ports[name]}" if name in ports else line


class RunningProgram:
    """A Python program, up and answering at `ready`, until the context ends."""

    def __init__(self, script: str, directory: Path, ready: str) -> None:
        self._script, self._directory, self._ready = script, directory, ready
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> RunningProgram:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Start it and wait until it answers. Raises DemoError."""
        log = self._directory / "output.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, self._script],
                cwd=self._directory,
                env={**own_imports(), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            _await(self._process, self._ready, log)
        except DemoError:
            self.stop()
            raise

    def restart(self, environment: Mapping[str, str] | None = None) -> None:
        """Stop it and start it again. Raises DemoError."""
        self.stop()
        self.start(environment)

    def stop(self) -> None:
        """End it, by force if it must be."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _await(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(url):
            return
        time.sleep(0.02)
    tail = log.read_text(errors="replace").splitlines()[-5:]
    raise DemoError(f"the stand-in did not answer at {url}:\n" + "\n".join(tail))


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _free_ports(count: int) -> list[int]:
    """Ports nobody holds, nor the one after each (TabbyAPI moves there when its own is taken)."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
