"""Prints what a front costs a request, as ratios: `python -m tests.bench.front`.

Fifty callers at once ask a TabbyAPI stand-in that streams an answer of two hundred tokens, directly
and through each program that is installed, by turns. Nothing here passes or fails.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.front.running import free_port, fronted

CALLERS = 50
ROUNDS = 9
AIM = 1.1
TOKENS, PAUSE = 200, 0.005
"""Two hundred tokens a second for each caller: a fast model with fifty at once."""
SERVER = f"""\
import asyncio, sys

async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            size = next((int(line[15:]) for line in head.lower().split(b"\\r\\n")
                         if line.startswith(b"content-length:")), 0)
            await reader.readexactly(size)
            writer.write(b"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n")
            for _ in range({TOKENS}):
                writer.write(b"f\\r\\ndata: {{token}}\\n\\n\\r\\n")
                await writer.drain()
                await asyncio.sleep({PAUSE})
            writer.write(b"0\\r\\n\\r\\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), backlog=512)
    await server.serve_forever()

asyncio.run(main())
"""
REQUEST = (
    b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: 2\r\n\r\n{}"
)


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
    import socket

    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


async def _asked(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST)
    tokens, tail = 0, b""
    while not tail.endswith(b"\r\n0\r\n\r\n"):
        part = await reader.read(65536)
        assert part, "cut off"
        tokens += part.count(b"\n\n")
        tail = (tail + part)[-7:]
    assert tokens >= TOKENS - 1, f"{tokens} of {TOKENS} tokens"
    writer.close()


async def _all(port: int) -> None:
    await asyncio.gather(*(_asked(port) for _ in range(CALLERS)))


def seconds(port: int) -> float:
    """Until each caller has its whole answer."""
    started = time.perf_counter()
    asyncio.run(_all(port))
    return time.perf_counter() - started


def main() -> None:
    """Each program against none, by turns."""
    for program in filter(shutil.which, ("nginx", "haproxy", "caddy")):
        with (
            backend() as port,
            tempfile.TemporaryDirectory() as directory,
            fronted(Path(directory), program, port) as front,
        ):
            pairs = [(seconds(front), seconds(port)) for _ in range(ROUNDS + 1)][1:]
        ratio = statistics.median(one / other for one, other in pairs)
        direct = statistics.median(other for _, other in pairs)
        print(f"{program}: {ratio:.3f} (aim {AIM}); {CALLERS} at once, {direct:.2f} s directly")


if __name__ == "__main__":
    main()
