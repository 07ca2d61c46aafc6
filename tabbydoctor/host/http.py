"""HTTP through the host: one small request, which nothing on the other side can hold or bloat.

No redirect is followed, no proxy variable or .netrc is used, nothing is unpacked, at most
`limit` bytes are read and at most `timeout` seconds are waited in all, name look-up included.
A request with an admission is sent only over a connection whose far end was admitted after it
was connected: no look before can tell who will accept, and no connection is used twice.
Neither headers nor bodies are logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tabbydoctor import __version__
from tabbydoctor.host.data import Admission, HttpAnswer
from tabbydoctor.host.peers import Peers
from tabbydoctor.host.plain_http import NotHttp, PlainRequest, Unsendable, is_plain
from tabbydoctor.records import dataclass, field

if TYPE_CHECKING:
    import httpx

USER_AGENT = f"tabbydoctor/{__version__}"
_HEADERS = {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "identity"}
_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}
_WORDS = {
    "refused": "connection refused",
    "timeout": "no whole answer in time",
    "reset": "the connection was closed without a whole answer",
    "protocol": "what answers does not speak HTTP",
    "unreachable": "no way to that address",
    "unsendable": "a header value that HTTP cannot carry",
}


class HttpDoor:
    """The local machine's HTTP client. Use it from one event loop."""

    def __init__(self) -> None:
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._peers = Peers()

    async def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes | None = None,
        timeout: float = 3.0,
        limit: int = 64 << 10,
        admission: Admission | None = None,
    ) -> HttpAnswer:
        """One request. Never raises for what the other side does: see HttpAnswer.error.

        An answer that began and did not end in time has both a status and an error.
        """
        if not _is_http(url):
            return HttpAnswer(url, method, error="unresolved", detail="not an HTTP address")
        begun = time.monotonic()
        received = _Received(limit)
        request = PlainRequest(url, method, {**_HEADERS, **(headers or {})}, body)
        gate = _Gate(admission, self._peers) if admission else None
        error, detail = None, ""
        try:
            async with asyncio.timeout(timeout):
                if is_plain(url):
                    await request.exchange(received, gate)
                else:
                    await self._exchange(request, received, gate, begun + timeout)
        except Exception as failure:
            if not isinstance(failure, _failures()):
                raise
            error, detail = _why(failure)
        return HttpAnswer(
            url=url,
            method=method,
            status=received.status,
            headers=received.headers,
            body=bytes(received.body[:limit]),
            truncated=received.truncated or (error is not None and received.status is not None),
            error=error,
            detail=detail,
            elapsed=time.monotonic() - begun,
        )

    async def _exchange(
        self, request: PlainRequest, received: _Received, gate: _Gate | None, until: float
    ) -> None:
        """By httpx."""
        httpx = _library()
        client = self._client(urlsplit(request.url).scheme)
        await _resolve(request.url)
        # A TLS handshake that times out by itself closes its socket; a cancelled one does not
        # (httpcore): so let it be the first to give up.
        waits = httpx.Timeout(None, connect=(until - time.monotonic()) * 0.9)
        async with client.stream(
            request.method,
            request.url,
            headers=request.headers,
            content=request.body,
            timeout=waits,
            extensions={"trace": gate} if gate else None,
        ) as response:
            received.begin(response.status_code, dict(response.headers.items()))
            async for chunk in response.aiter_raw():
                if received.add(chunk):
                    return

    def _client(self, scheme: str) -> httpx.AsyncClient:
        if scheme not in self._clients:
            self._clients[scheme] = _new_client(scheme)
        return self._clients[scheme]

    async def close(self) -> None:
        """Let go of the connections."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()


class _Withheld(Exception):  # noqa: N818 - an answer, not an error
    """The far end was not admitted; the message is why."""


@dataclass
class _Gate:
    """Follows one request through httpcore (its `trace` extension) and stops it before it is sent.

    After the connection stands and before TLS begins, who accepted it is looked at.
    """

    admission: Admission
    peers: Peers
    admitted: bool = False

    async def __call__(self, step: str, info: Mapping[str, Any]) -> None:
        if step == "connection.connect_tcp.complete":
            await self._admit(info["return_value"])
        elif step.endswith("send_request_headers.started") and not self.admitted:
            raise _Withheld("the connection was another request's")

    async def _admit(self, stream: Any) -> None:
        here, there = stream.get_extra_info("client_addr"), stream.get_extra_info("server_addr")
        try:
            await self.admit(here[:2], there[:2])
        except BaseException:
            await stream.aclose()  # httpcore does not know it yet
            raise
        self.admitted = True

    async def admit(self, here: tuple[str, int], there: tuple[str, int]) -> None:
        """Look who accepted the connection. Raises _Withheld."""
        peer = await self.peers.of(here, there, self.admission)
        if why := self.admission.refusal(peer):
            raise _Withheld(why)


@dataclass
class _Received:
    """What came so far, as it was sent, until its end or just past the limit."""

    limit: int
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    truncated: bool = False

    def begin(self, status: int, headers: dict[str, str]) -> None:
        """The head."""
        self.status, self.headers = status, headers

    def add(self, chunk: bytes) -> bool:
        """A part of the body; whether that was more than the limit."""
        self.body += chunk
        self.truncated = len(self.body) > self.limit
        return self.truncated


def _library() -> ModuleType:
    """httpx without its command line, for which it would import rich and pygments."""
    sys.modules.setdefault("httpx._main", ModuleType("httpx._main"))
    import httpx

    return httpx


def _new_client(scheme: str) -> httpx.AsyncClient:
    import httpx

    for name in ("httpx", "httpcore"):  # at DEBUG they would log headers
        logging.getLogger(name).setLevel(logging.WARNING)
    return httpx.AsyncClient(
        trust_env=False,
        follow_redirects=False,
        verify=_tls(scheme),
        timeout=None,
        limits=httpx.Limits(max_keepalive_connections=0),
    )


def _tls(scheme: str) -> ssl.SSLContext:
    """The machine's own authorities and certifi's; plain HTTP need not wait for their loading."""
    if scheme != "https":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # knows no authority: trusts nobody
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


async def _resolve(url: str) -> None:
    """Look the name up in a thread that may be abandoned: a dead resolver holds nothing up."""
    host = urlsplit(url).hostname or ""
    if ":" in host or host.replace(".", "").isdigit():
        return  # an address needs no look-up
    loop = asyncio.get_running_loop()
    known: asyncio.Future[None] = loop.create_future()

    def look_up() -> None:
        error: OSError | None = None
        try:
            socket.getaddrinfo(host, None)
        except OSError as failure:
            error = failure
        except UnicodeError:  # a label that IDNA cannot encode
            error = socket.gaierror(socket.EAI_NONAME, "not a host name")
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(_settle, known, error)

    threading.Thread(target=look_up, daemon=True).start()
    await known


def _settle(future: asyncio.Future[None], error: OSError | None) -> None:
    if future.done():
        return
    if error:
        future.set_exception(error)
    else:
        future.set_result(None)


def _is_http(url: str) -> bool:
    """Whether it is a URL with a host and a port that can be."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _failures() -> tuple[type[Exception], ...]:
    """What a request may raise for what the other side does, or for a header it cannot carry."""
    own = (OSError, UnicodeError, NotHttp, Unsendable, _Withheld)
    httpx = sys.modules.get("httpx")  # what was not imported raised nothing
    return (*own, httpx.HTTPError, httpx.InvalidURL) if httpx else own


def _why(failure: BaseException) -> tuple[str, str]:
    """The error word and a text. Texts of exceptions may hold a key: few are passed on."""
    if isinstance(failure, _Withheld):
        return "withheld", str(failure)
    if isinstance(failure, TimeoutError):
        return "timeout", _WORDS["timeout"]
    if isinstance(failure, NotHttp | Unsendable):
        word = "protocol" if isinstance(failure, NotHttp) else "unsendable"
        return word, _WORDS[word]
    if "httpx" not in sys.modules:
        word = _of_system(failure) or "unreachable"
        return word, _WORDS[word]
    return _why_httpx(failure)


def _of_system(failure: BaseException) -> str | None:
    """The error word of an OSError."""
    if isinstance(failure, OSError) and failure.errno in _UNREACHABLE:
        return "unreachable"
    if isinstance(failure, ConnectionRefusedError):
        return "refused"
    return "reset" if isinstance(failure, ConnectionError) else None


def _why_httpx(failure: BaseException) -> tuple[str, str]:
    import httpx

    if isinstance(failure, httpx.InvalidURL):
        return "unresolved", "not an HTTP address"
    if isinstance(failure, httpx.TimeoutException):
        return "timeout", _WORDS["timeout"]
    for cause in _causes(failure):
        if isinstance(cause, ssl.SSLError):
            return "tls", getattr(cause, "verify_message", None) or cause.reason or "TLS failed"
        if isinstance(cause, socket.gaierror):
            return "unresolved", cause.strerror or "unknown name"
    word = next(filter(None, map(_word, _causes(failure))), "unreachable")
    return word, _WORDS[word]


def _word(cause: BaseException) -> str | None:
    import httpx

    if isinstance(cause, OSError) and cause.errno in _UNREACHABLE:
        return "unreachable"
    if isinstance(cause, httpx.RemoteProtocolError):
        # httpcore's and h11's words for a connection that ended too early
        closed = "disconnected" in str(cause) or "closed connection" in str(cause)
        return "reset" if closed else "protocol"
    kinds: tuple[tuple[str, tuple[type[BaseException], ...]], ...] = (
        ("refused", (ConnectionRefusedError,)),
        ("timeout", (TimeoutError,)),
        ("unsendable", (UnicodeEncodeError, httpx.LocalProtocolError)),
        ("reset", (ConnectionError, httpx.ReadError, httpx.WriteError)),
    )
    return next((word for word, types in kinds if isinstance(cause, types)), None)


def _causes(failure: BaseException | None) -> Iterator[BaseException]:
    """The exception and all that led to it (a connection may fail once for each address)."""
    if failure is None:
        return
    yield failure
    if isinstance(failure, BaseExceptionGroup):
        for member in failure.exceptions:
            yield from _causes(member)
    yield from _causes(failure.__cause__ or failure.__context__)
