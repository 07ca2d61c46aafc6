"""Backends that write down what they are sent, and a router's source brought to them."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tabbydoctor.routers.wiring import Wired, wire
from tests.contract.server import API_KEY

LITELLM_HERE = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "CRITICAL"}
"""LiteLLM asks nobody but the backends."""
CHUNK = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "any",
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
SAID = {"role": "assistant", "content": "said by the model"}
CHAT = {**CHUNK, "choices": [{"index": 0, "message": SAID, "text": "x", "finish_reason": "stop"}]}
PART = {**CHUNK, "choices": [{"index": 0, "delta": SAID, "finish_reason": "stop"}]}
LIST = {
    "object": "list",
    "model": "any",
    "data": [{"object": "embedding", "index": 0, "id": "any", "embedding": [0.5]}],
    "usage": {"prompt_tokens": 1, "total_tokens": 1},
}


@dataclass(frozen=True)
class Request:
    """What a backend was sent; header names in lower case."""

    model: str
    headers: Mapping[str, str]


@dataclass
class Backend:
    """What a backend has been sent; `key` is the one it asks for, `moved_to` another server."""

    key: str = ""
    moved_to: str = ""
    port: int = 0
    sent: list[Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def backend(key: str = "", moved_to: str = "") -> Iterator[Backend]:
    """A backend, serving."""
    made = Backend(key, moved_to)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            made.sent.append(Request(json.loads(body or b"{}").get("model", ""), headers))
            if made.key and self.headers.get("Authorization") != f"Bearer {made.key}":
                self.answer(401, json.dumps({"detail": "Invalid API key"}))
            elif made.moved_to and b"moved" in body:
                self.answer(307, "", Location=made.moved_to + self.path)
            elif b'"stream": true' in body or b'"stream":true' in body:
                self.answer(200, f"data: {json.dumps(PART)}\n\ndata: [DONE]\n\n")
            else:
                self.answer(200, json.dumps(CHAT if self.path.endswith("completions") else LIST))

        def do_GET(self) -> None:
            self.do_POST()

        def answer(self, status: int, body: str, **headers: str) -> None:
            self.send_response(status)
            kind = "text/event-stream" if body.startswith("data:") else "application/json"
            for name, value in {"Content-Type": kind, **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nothing: what it was sent is kept."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@dataclass
class Stage:
    """TabbyAPI, another backend, one to which TabbyAPI redirects, and the tokens file."""

    tabby: Backend
    sglang: Backend
    elsewhere: Backend
    tokens: Path

    def here(self, text: str, port: int) -> str:
        """A router's source with the ports of this stage."""
        ports = {"30000": self.sglang.port, "5000": self.tabby.port, "8001": port}
        return re.sub(r"\b(30000|5000|8001)\b", lambda found: str(ports[found[0]]), text)

    def wired(self, source: str) -> Wired:
        """A source, wired."""
        return wire(
            source.encode(),
            tabby_urls=(self.tabby.url,),
            strategy="router-tokens",
            tokens_path=str(self.tokens),
        )


@contextmanager
def staged(directory: Path) -> Iterator[Stage]:
    """All of them, serving."""
    tokens = directory / "api_tokens.yml"
    tokens.write_text(f"api_key: {API_KEY}\n")
    with ExitStack() as stack:
        elsewhere = stack.enter_context(backend())
        tabby = stack.enter_context(backend(API_KEY, elsewhere.url))
        yield Stage(tabby, stack.enter_context(backend()), elsewhere, tokens)
