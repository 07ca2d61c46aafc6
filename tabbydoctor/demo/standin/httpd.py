"""The stand-in's HTTP layer: requests, answers, CORS and the access log, as uvicorn gives them."""

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from .keys import RefusedError
from .logbook import Logbook

METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY"
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


class HTTPError(Exception):
    """An answer that is an error: its status and its `detail`."""

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True)
class ServedRequest:
    """One request; header names are lower case, values raw Latin-1."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@dataclass(frozen=True)
class Answer:
    """What goes back; `events` are server-sent and take the body's place."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    events: Iterator[str] | None = None


RouteFunction = Callable[[ServedRequest], Answer]
Routes = Mapping[str, Mapping[str, RouteFunction]]


def as_json(value: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """A compact JSON answer."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return Answer(status, text.encode(), headers=headers)


def dispatch(routes: Routes, request: ServedRequest, log: Logbook) -> Answer:
    """Answer a request, whatever its endpoint does: an unforeseen error is a bare 500."""
    methods = routes.get(request.path)
    if methods is None:
        bare = request.path.rstrip("/")
        if bare != request.path and bare in routes:
            location = f"http://{request.headers.get('host', '')}{bare}"
            return Answer(307, content_type="", headers=(("location", location),))
        return as_json({"detail": "Not Found"}, 404)
    endpoint = methods.get(request.method)
    if endpoint is None:
        allowed = (("allow", ", ".join(methods)),)
        return as_json({"detail": "Method Not Allowed"}, 405, allowed)
    try:
        return endpoint(request)
    except RefusedError as refused:
        return as_json({"detail": str(refused)}, 401)
    except HTTPError as fault:
        return as_json({"detail": fault.detail}, fault.status)
    except (ValueError, LookupError, AttributeError, OSError) as error:
        log.error(
            "Exception in ASGI application\nTraceback (most recent call last):\n"
            f"{type(error).__name__}: {error}"
        )
        return Answer(500, b"Internal Server Error", TEXT)


def preflight(request: ServedRequest) -> Answer | None:
    """The answer to a browser's CORS question, for any origin and with credentials."""
    origin = request.headers.get("origin")
    if request.method != "OPTIONS" or origin is None:
        return None
    if "access-control-request-method" not in request.headers:
        return None
    headers = [
        ("access-control-allow-methods", METHODS),
        ("access-control-max-age", "600"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-origin", origin),
    ]
    if wanted := request.headers.get("access-control-request-headers"):
        headers.append(("access-control-allow-headers", wanted))
    return Answer(200, b"OK", TEXT, tuple(headers))


class Handler(BaseHTTPRequestHandler):
    """Reads one request, sends one answer, logs one line; see `handler_for`."""

    protocol_version = "HTTP/1.1"
    routes: ClassVar[Routes]
    log: ClassVar[Logbook]
    before: ClassVar[Callable[[ServedRequest], None] | None]

    def handle_any(self) -> None:
        """Any method."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        # Not self.path: the base class folds leading slashes, and `//health` is no route.
        target = self.requestline.split()[1]
        request = ServedRequest(self.command, target, headers, self._body(headers))
        answer = preflight(request)
        if answer is None:
            if before := type(self).before:
                before(request)
            answer = dispatch(self.routes, request, self.log)
        client = f"{self.client_address[0]}:{self.client_address[1]}"
        self.log.info(f'{client} - "{self.command} {target} HTTP/1.1" {answer.status}')
        self._send(request, answer)

    def __getattr__(self, name: str) -> Any:
        """The base class looks for `do_<METHOD>`."""
        if name.startswith("do_"):
            return self.handle_any
        raise AttributeError(name)

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, request: ServedRequest, answer: Answer) -> None:
        self.send_response_only(answer.status)
        self.send_header("date", self.date_time_string())
        self.send_header("server", "uvicorn")
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.content_type:
            self.send_header("content-type", answer.content_type)
        if answer.content_type != TEXT:
            if origin := request.headers.get("origin"):
                self.send_header("access-control-allow-origin", origin)
                self.send_header("access-control-allow-credentials", "true")
            self.send_header("vary", "Origin")
        if answer.events is not None:
            self._stream(answer.events)
            return
        self.send_header("content-length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _stream(self, events: Iterator[str]) -> None:
        self.send_header("cache-control", "no-store")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in events:
            data = f"data: {event}\r\n\r\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: Any) -> None:
        """Only the access log speaks of requests."""


def handler_for(
    routes: Routes, log: Logbook, before: Callable[[ServedRequest], None] | None
) -> type[Handler]:
    """A handler of these routes; `before` sees every request first."""

    class BoundHandler(Handler):
        """The handler of one server."""

    BoundHandler.routes = routes
    BoundHandler.log = log
    BoundHandler.before = before
    return BoundHandler


class HttpListener(ThreadingHTTPServer):
    """One listening socket. Raises OSError when the address cannot be taken."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, family: socket.AddressFamily, address: tuple[str, int], handler: type[Handler]
    ) -> None:
        self.address_family = family
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind without the base class's reverse look-up of its own name."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is no news."""
