"""A backend beside TabbyAPI, llama.cpp say: answers, and remembers the headers it was sent."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_MODELS = {"object": "list", "data": [{"id": "tiny.gguf", "object": "model"}]}
_POLL = 0.05
"""Seconds until a backend sees that it is to end."""
_COMPLETION = {"object": "chat.completion", "choices": []}


class OtherBackend(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1; `headers` is what each request sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.headers: list[dict[str, str]] = []


class _Handler(BaseHTTPRequestHandler):
    server: OtherBackend

    def do_GET(self) -> None:
        self._answer({"status": "ok"} if self.path == "/health" else _MODELS)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(_COMPLETION)

    def _answer(self, document: object) -> None:
        self.server.headers.append(dict(self.headers))
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: the demo's output is the doctor's."""


@contextlib.contextmanager
def running_backend() -> Iterator[OtherBackend]:
    """A backend for the time of a `with`."""
    with OtherBackend() as backend:
        thread = threading.Thread(target=backend.serve_forever, args=(_POLL,), daemon=True)
        thread.start()
        try:
            yield backend
        finally:
            backend.shutdown()
