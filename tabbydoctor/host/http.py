"""HTTP through the host: one small request, which nothing on the other side can hold or bloat.

No redirect is followed, no proxy variable or .netrc is used, nothing is unpacked, at most
`limit` bytes are read and at most `timeout` seconds are waited in all, name look-up included.
A request with an admission is sent only over a connection whose far end was admitted after it
was connected: no look before can tell who will accept, and no connection is used twice.
Neither headers nor bodies are logged.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tabbydoctor import __version__
from tabbydoctor.host.data import Admission, HttpAnswer
from tabbydoctor.host.peers import Peers
from tabbydoctor.host.plain_http import NotHttp, PlainRequest, Unsendable, is_plain, of_system
from tabbydoctor.records import dataclass, field

if TYPE_CHECKING:
    from tabbydoctor.host.by_httpx import HttpxClient

USER_AGENT = f"tabbydoctor/{__version__}"
_HEADERS = {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "identity"}
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
        self._client: HttpxClient | None = None
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
                    await self._library().exchange(request, received, gate, begun + timeout)
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

    def _library(self) -> HttpxClient:
        if self._client is None:
            from tabbydoctor.host.by_httpx import HttpxClient

            self._client = HttpxClient()
        return self._client

    async def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            await self._client.close()


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
    if "httpx" in sys.modules:
        from tabbydoctor.host import by_httpx

        word, detail = by_httpx.why(failure)
        return word, detail or _WORDS[word]
    word = of_system(failure) or "unreachable"
    return word, _WORDS[word]
