"""Prints what a front costs a request, as ratios: `python -m tests.bench.front`.

Fifty callers at once ask a stand-in for an answer of two hundred tokens, directly and through each
program that is installed, by turns. The stand-in is what TabbyAPI's own HTTP side is (Uvicorn,
FastAPI, a pydantic model a token) without the model. Each ratio is the median of the rounds,
through the front to direct:

- *waiting*: the time until all fifty have their whole answers. First *paced*, two hundred tokens a
  second for each caller, as by a fast model; then as fast as the machine can (*flat out*), where
  callers, server and front take the processors from each other.
- *processor*: the processor time of all that takes part, callers, server and front, user and system
  together. What the front itself takes stands beside it, a request and a token.

Last, how long a token waits in the front: server and caller in lock-step, one token under way.
Nothing here passes or fails.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.front.running import free_port, fronted

PROGRAMS = ("nginx", "haproxy", "caddy")
CALLERS, ROUNDS, TOKENS, AIM = 50, 7, 200, 1.1
PACES = {"paced": 0.005, "flat out": 0.0}
"""Seconds between two tokens of an answer."""
LOCK_STEPS = 400
SERVER = f"""\
import asyncio, sys, uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

class Delta(BaseModel):
    role: str = "assistant"
    content: str = " token"

class Choice(BaseModel):
    index: int = 0
    delta: Delta

class Chunk(BaseModel):
    id: str = "chatcmpl-0"
    object: str = "chat.completion.chunk"
    model: str = "a-model"
    choices: list[Choice]

app = FastAPI()

@app.post("/v1/chat/completions")
async def answer(request: Request, pause: float):
    await request.json()
    async def tokens():
        for _ in range({TOKENS}):
            yield f"data: {{Chunk(choices=[Choice(delta=Delta())]).model_dump_json()}}\\n\\n"
            await asyncio.sleep(pause)
    return StreamingResponse(tokens(), media_type="text/event-stream")

uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", backlog=512)
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What fifty requests at once took, in seconds."""

    waiting: float
    processor: float
    """Of callers, server and front."""
    front: float
    """Of the front alone."""


@contextmanager
def backend() -> Iterator[int]:
    """The stand-in, in a process of its own; gives its port."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-c", SERVER, str(port)]) as process:
        try:
            while not _answers(port):
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


async def _asked(port: int, pause: float) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    target = f"/v1/chat/completions?pause={pause}"
    writer.write(f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode())
    parts, tail = [], b""
    while not tail.endswith(b"\r\n0\r\n\r\n"):
        part = await reader.read(65536)
        assert part, "cut off"
        parts.append(part)
        tail = (tail + part)[-7:]
    writer.close()
    return b"".join(parts)


async def _all(port: int, pause: float) -> list[bytes]:
    return await asyncio.gather(*(_asked(port, pause) for _ in range(CALLERS)))


def _processor(program: str = "") -> float:
    """Seconds of this process and all below it, or of those that run a program."""
    own = psutil.Process()
    every = [*own.children(recursive=True), *([] if program else [own])]
    times = [one.cpu_times() for one in every if not program or one.name() == program]
    return sum(one.user + one.system for one in times)


def cost(port: int, program: str, pause: float) -> Cost:
    """Of fifty requests there. Each answer is whole."""
    processor, front, started = _processor(), _processor(program), time.perf_counter()
    answers = asyncio.run(_all(port, pause))
    waiting = time.perf_counter() - started
    measured = Cost(waiting, _processor() - processor, _processor(program) - front)
    for answer in answers:
        assert _body(answer).count(b'" token"') == TOKENS, "a short answer"
    return measured


def _body(answer: bytes) -> bytes:
    """Of an answer in chunks, however a front cut them."""
    body, rest = b"", answer.partition(b"\r\n\r\n")[2]
    while size := int(rest.partition(b"\r\n")[0], 16):
        start = rest.index(b"\r\n") + 2
        body, rest = body + rest[start : start + size], rest[start + size + 2 :]
    return body


def ratios(port: int, front: int, program: str, pause: float) -> tuple[float, float, float]:
    """Waiting and processor time against direct; the front's own seconds a request."""
    pairs = [(cost(front, program, pause), cost(port, program, pause)) for _ in range(ROUNDS + 1)]
    del pairs[0]
    waiting = statistics.median(one.waiting / other.waiting for one, other in pairs)
    processor = statistics.median(one.processor / other.processor for one, other in pairs)
    return waiting, processor, statistics.median(one.front for one, _ in pairs) / CALLERS


def held_back(directory: Path, program: str) -> tuple[float, float]:
    """Seconds from a token's sending to its arrival: the median, and the longest."""
    taken = threading.Event()
    sent: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=_lock_step, args=(listener, taken, sent), daemon=True)
        serving.start()
        with fronted(directory, program, listener.getsockname()[1]) as port:
            caller = socket.create_connection(("127.0.0.1", port))
            caller.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
            waits: list[float] = []
            seen = b""
            while len(waits) < LOCK_STEPS:
                seen += caller.recv(65536)
                if seen.count(b"token") > len(waits):
                    waits.append(time.perf_counter() - sent[-1])
                    taken.set()
            caller.close()
        serving.join(5)
    return statistics.median(waits), max(waits)


def _lock_step(listener: socket.socket, taken: threading.Event, sent: list[float]) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = b""
        while b"\r\n\r\n{}" not in head:
            head += connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(LOCK_STEPS):
            taken.clear()
            sent.append(time.perf_counter())
            connection.sendall(b"6\r\ntoken\n\r\n")
            taken.wait(5)


def main() -> None:
    """Each program against none, by turns."""
    os.environ["GOMAXPROCS"] = "1"  # as the unit of a front with Caddy has it
    for program in filter(shutil.which, PROGRAMS):
        with backend() as port, tempfile.TemporaryDirectory() as directory:
            with fronted(Path(directory), program, port) as front:
                for name, pause in PACES.items():
                    waiting, processor, own = ratios(port, front, program, pause)
                    print(
                        f"{program}, {name}: waiting {waiting:.2f}, processor {processor:.2f} (aim "
                        f"{AIM}); the front itself {own * 1e3:.2f} ms a request, "
                        f"{own / TOKENS * 1e6:.1f} µs a token"
                    )
            median, longest = held_back(Path(directory), program)
            print(f"{program}: a token waits {median * 1e3:.2f} ms, at most {longest * 1e3:.1f} ms")


if __name__ == "__main__":
    main()
