"""A router for tests: hands requests on by one of several policies, and records what it gets.

As a program (`python relay.py`) it is told by UPSTREAM, PORT, POLICY, SHAPE, KEY and RECORD.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

WRONG = "a-key-of-former-times"
Policy = Callable[[str | None, str], str | None]
"""What it sends as Authorization, of what the caller sent and of the right key."""

POLICIES: dict[str, Policy] = {
    "passthrough": lambda given, key: given,
    "none": lambda given, key: None,
    "wrong": lambda given, key: f"Bearer {WRONG}",
    "caller-wins": lambda given, key: given or f"Bearer {key}",
    "keyed": lambda given, key: f"Bearer {key}",
}
SHAPES: dict[str, Callable[[int, str], tuple[int, str]]] = {
    "plain": lambda status, body: (status, body),
    "bad-gateway": lambda status, body: (502 if status >= 400 else status, body),
    "quoted": lambda status, body: (
        (500, json.dumps({"error": {"message": f"upstream said {status}: {body}"}}))
        if status >= 400
        else (status, body)
    ),
    "nested": lambda status, body: (
        (status, json.dumps({"detail": json.loads(body)})) if status >= 400 else (status, body)
    ),
    "words": lambda status, body: (
        (status, f"Backend error {status}: {body}") if status >= 400 else (status, body)
    ),
}
"""How it gives back what TabbyAPI answered."""
OWN: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
"""Routers that answer by themselves, by name; see `own`."""


@dataclass
class Relay:
    """One router: what it does, and the (method, target, Authorization) of all it got."""

    upstream: str
    policy: str = "passthrough"
    shape: str = "plain"
    key: str = ""
    record: Path | None = None
    received: list[tuple[str, str, str | None]] = field(default_factory=list)

    def took(self, handler: BaseHTTPRequestHandler) -> None:
        """Note a request."""
        one = (handler.command, handler.path, handler.headers.get("Authorization"))
        self.received.append(one)
        if self.record:
            with self.record.open("a") as file:
                file.write(json.dumps(one) + "\n")


def handler_of(relay: Relay) -> type[BaseHTTPRequestHandler]:
    """The request handler of a router."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            relay.took(self)
            if relay.policy in OWN:
                OWN[relay.policy](self)
                return
            sent = POLICIES[relay.policy](self.headers.get("Authorization"), relay.key)
            give(self, *SHAPES[relay.shape](*ask(relay.upstream, self.command, self.path, sent)))

        do_POST = do_GET  # noqa: N815 - http.server's names
        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Handler


def ask(upstream: str, method: str, path: str, authorization: str | None) -> tuple[int, str]:
    """One request to TabbyAPI, on a connection of its own."""
    place = urlsplit(upstream)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=10)
    headers = {"Authorization": authorization} if authorization else {}
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def give(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: str,
    headers: Mapping[str, str] | None = None,
) -> None:
    """An answer."""
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body.encode())))
    handler.end_headers()
    handler.wfile.write(body.encode())


def own(name: str) -> Callable[[Callable[[BaseHTTPRequestHandler], None]], None]:
    """Enter a router that answers by itself."""

    def enter(answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        OWN[name] = answer

    return enter


@own("its own table")
def _table(handler: BaseHTTPRequestHandler) -> None:
    give(handler, 200, json.dumps({"object": "list", "data": [{"id": "m", "object": "model"}]}))


@own("an empty table of its own")
def _empty(handler: BaseHTTPRequestHandler) -> None:
    give(handler, 200, json.dumps({"object": "list", "data": []}))


@own("TabbyAPI's words for its own key")
def _own_key(handler: BaseHTTPRequestHandler) -> None:
    given = handler.headers.get("Authorization")
    words = "Invalid API key" if given else "Please provide an API key"
    give(handler, 401, json.dumps({"detail": words}))


@own("nearly TabbyAPI's words")
def _nearly(handler: BaseHTTPRequestHandler) -> None:
    give(handler, 401, json.dumps({"error": {"message": "Invalid API key", "code": 401}}))


@own("both words at once")
def _both(handler: BaseHTTPRequestHandler) -> None:
    each = [{"detail": "Please provide an API key"}, {"detail": "Invalid API key"}]
    give(handler, 401, json.dumps({"errors": each}))


@own("a redirect")
def _redirect(handler: BaseHTTPRequestHandler) -> None:
    give(handler, 307, "", {"Location": "http://127.0.0.1:9/v1/models"})


@own("a page")
def _page(handler: BaseHTTPRequestHandler) -> None:
    give(handler, 200, "<!doctype html><title>Chat</title>")


@own("never")
def _never(handler: BaseHTTPRequestHandler) -> None:
    handler.rfile.read()  # until the caller gives up


@own("a stream")
def _stream(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(b'data: {"detail":"Please provide an API key"}\n' * 1000)


@own("what is no HTTP")
def _no_http(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")


@contextlib.contextmanager
def relaying(relay: Relay) -> Iterator[str]:
    """Run one in this process; gives its base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(relay))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def main() -> None:
    """Run one as a program; with PROBE it asks TabbyAPI for its models, too, without end."""
    told = os.environ
    record = Path(told["RECORD"]) if "RECORD" in told else None
    policy, shape = told.get("POLICY", "passthrough"), told.get("SHAPE", "plain")
    relay = Relay(told["UPSTREAM"], policy, shape, told.get("KEY", ""), record)
    if "PROBE" in told:
        threading.Thread(target=_probe, args=(relay.upstream,), daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", int(told["PORT"])), handler_of(relay))
    server.serve_forever()


def _probe(upstream: str) -> None:
    """Ask again and again, on a connection that is kept."""
    place = urlsplit(upstream)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=10)
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/v1/models")
            connection.getresponse().read()
        time.sleep(0.2)


if __name__ == "__main__":
    main()
