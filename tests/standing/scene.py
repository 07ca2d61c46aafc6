"""Programs on real sockets, and the doctor that looks at them as root or as nobody."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx  # noqa: F401 - before root is given up: it may lie where others cannot read

from tabbydoctor.deployment.machine import process_table
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.host import processes
from tabbydoctor.host.local import LocalHost
from tabbydoctor.tabbyapi.addressing import address
from tabbydoctor.tabbyapi.config import EffectiveConfig, Origin, Setting
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.tabbyapi.probing import endpoint
from tabbydoctor.tabbyapi.tokens import Tokens
from tabbydoctor.targets import Targets
from tests.standing.program import ADMIN_KEY, API_KEY

T = TypeVar("T")
PROGRAM = Path(__file__).with_name("program.py")
FILE = Tokens("/srv/api_tokens.yml", None, api_keys=(API_KEY,), admin_key=ADMIN_KEY)
NOBODY = 65534


@dataclass
class Program:
    """A running one."""

    process: subprocess.Popen[str]
    port: int
    pid: int
    record: Path
    seen: int = field(default=0)

    def child(self) -> int:
        """The process that it started and named."""
        assert self.process.stdout
        return int(self.process.stdout.readline().split()[1])

    def received(self) -> list[dict[str, Any]]:
        """What it got since the last time this was asked."""
        lines = self.record.read_text().splitlines() if self.record.exists() else []
        new, self.seen = lines[self.seen :], len(lines)
        return [json.loads(line) for line in new]

    def instance(self) -> Instance:
        """It as the TabbyAPI that was found."""
        return instance(self.pid)


def instance(pid: int) -> Instance:
    """A TabbyAPI by its process."""
    return Instance("/srv", process=processes.line_of(pid)[0])


@contextlib.contextmanager
def running(
    directory: Path,
    role: str,
    host: str,
    port: int = 0,
    target: str = "",
    *,
    python: str = sys.executable,
    wrapped: tuple[str, ...] = (),
    source: str | Path = PROGRAM,
) -> Iterator[Program]:
    """A program for the time of a `with`."""
    record = directory / f"{role}-{len(list(directory.iterdir()))}.jsonl"
    record.touch()
    record.chmod(0o666)
    process = subprocess.Popen(
        [*wrapped, python, "-S", str(source), role, host, str(port), str(record), target],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout
        _, bound, pid = process.stdout.readline().split()
        yield Program(process, int(bound), int(pid), record)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()
        assert process.stdout
        process.stdout.close()


def configured(host: str, port: int) -> EffectiveConfig:
    """A configuration that says where TabbyAPI listens."""
    origin = Origin("working-directory", "/srv/config.yml:1")
    settings = {"host": host, "port": port}
    return EffectiveConfig(
        "/srv",
        {
            ("network", key): Setting("network", key, value, origin)
            for key, value in settings.items()
        },
    )


def look(
    own: Instance | None,
    url: str | None = None,
    config: EffectiveConfig | None = None,
    *,
    tokens: Tokens = FILE,
    door: Callable[[], LocalHost] = LocalHost,
) -> Endpoint:
    """What the doctor sees and does, from the targets on."""

    async def once() -> Endpoint:
        host = door()
        try:
            table = process_table(host)
            place = address(host, Targets(url=url), own, config, table, None)
            return await endpoint(host, place, tokens, own)
        finally:
            await host.close()

    return asyncio.run(once())


def as_nobody(function: Callable[[], T]) -> T:
    """What a child that gave up root comes to."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(BaseException):
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            with os.fdopen(writing, "wb") as file:
                pickle.dump(function(), file)
            status = 0
        os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        data = file.read()
    assert os.waitpid(child, 0)[1] == 0
    found: T = pickle.loads(data)
    return found
