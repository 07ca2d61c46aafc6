"""A TabbyAPI, two other backends that write down what they are sent, and routers in front."""

from __future__ import annotations

import json
import sys
import threading
import types
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tabbydoctor.demo import standin
from tabbydoctor.routers.wiring import Wired, WiringStrategy, wire
from tests.contract.server import TOKENS, Program, Server


@dataclass
class Recorder:
    """A backend that answers everything with 200 and keeps the headers of every request."""

    port: int = 0
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        """Every key it was sent."""
        secret = ("authorization", "x-api-key", "x-admin-key")
        return [value for sent in self.headers for name, value in sent.items() if name in secret]


@contextmanager
def recorder() -> Iterator[Recorder]:
    """A recording backend, serving."""
    record = Recorder()

    class Backend(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            record.headers.append({k.lower(): v for k, v in self.headers.items()})
            body = json.dumps({"object": "list", "data": [], "choices": []}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Nothing: what it was sent is kept."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Backend) as server:
        record.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield record
        server.shutdown()
        thread.join()


@dataclass
class Deployment:
    """Where everything listens, and how a router's source is made to call it there."""

    tabby: Server
    sglang: Recorder
    llama: Recorder
    files: Mapping[str, str]
    """Path -> text of the configuration that some routers read."""
    directory: Path

    @property
    def url(self) -> str:
        """TabbyAPI's base URL."""
        return f"http://127.0.0.1:{self.tabby.port}"

    @property
    def tokens(self) -> Path:
        """TabbyAPI's api_tokens.yml."""
        return self.tabby.directory / "api_tokens.yml"

    def here(self, text: str) -> str:
        """A router's source with the addresses and paths of this deployment."""
        for old, new in {
            "[::1]": "127.0.0.1",
            "30000": str(self.sglang.port),
            "8085": str(self.llama.port),
            "8000": str(self.llama.port),
            "5000": str(self.tabby.port),
            "/srv/tabbyAPI": str(self.tabby.directory),
            '/v1/model"': '/v1/models"',  # no model is loaded here
            "/etc/router": str(self.directory),
            "openai.OpenAI(": "openai.OpenAI(max_retries=0, ",
        }.items():
            text = text.replace(old, new)
        return text

    def wired(self, text: str, strategy: WiringStrategy = "router-tokens", **options: Any) -> Wired:
        """A router's source, brought here and wired."""
        return wire(
            self.here(text).encode(),
            tabby_urls=(self.url,),
            strategy=strategy,
            tokens_path=str(self.tokens),
            files=self.files,
            **options,
        )


@contextmanager
def deployment(directory: Path, configuration: Mapping[str, str]) -> Iterator[Deployment]:
    """All of it, running."""
    with ExitStack() as stack:
        checkout = directory / "checkout"
        standin.install(checkout)
        program = Program("standin", sys.executable, checkout / "main.py")
        tabby = stack.enter_context(Server(program, directory / "tabbyAPI"))
        tabby.start({"api_tokens.yml": TOKENS})
        backends = [stack.enter_context(recorder()) for _ in range(2)]
        made = Deployment(tabby, backends[0], backends[1], {}, directory)
        files = {
            str(directory / Path(path).name): made.here(text)
            for path, text in configuration.items()
        }
        for path, text in files.items():
            Path(path).write_text(text)
        made.files = files
        yield made


LOADED: list[str] = []
"""Names in sys.modules."""


def load(source: bytes, name: str) -> types.ModuleType:
    """The router as a module: its clients are made, its server is not started."""
    module = types.ModuleType(name)
    LOADED.append(name)
    sys.modules[name] = module  # dataclasses look their module up
    exec(compile(source, f"{name}.py", "exec", dont_inherit=True), module.__dict__)
    return module
