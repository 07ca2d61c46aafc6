"""Requests by httpx: over TLS, to names, and with URLs that are to be put right first."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tabbydoctor.host.plain_http import PlainRequest, Taker, of_system

if TYPE_CHECKING:
    import httpx

Trace = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Follows the steps of a request (httpcore's `trace` extension)."""


class HttpxClient:
    """A client for each scheme. Use it from one event loop."""

    def __init__(self) -> None:
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def exchange(
        self, request: PlainRequest, received: Taker, gate: Trace | None, until: float
    ) -> None:
        """As `PlainRequest.exchange`, until then by the monotonic clock; `failures` are raised."""
        httpx = _library()
        client = self._of(urlsplit(request.url).scheme)
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

    def _of(self, scheme: str) -> httpx.AsyncClient:
        if scheme not in self._clients:
            self._clients[scheme] = _new_client(scheme)
        return self._clients[scheme]

    async def close(self) -> None:
        """Let go of the connections."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()


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


def why(failure: BaseException) -> tuple[str, str]:
    """The error word of what a request raised, and its text where that is no secret."""
    import httpx

    if isinstance(failure, httpx.InvalidURL):
        return "unresolved", "not an HTTP address"
    if isinstance(failure, httpx.TimeoutException):
        return "timeout", ""
    for cause in _causes(failure):
        if isinstance(cause, ssl.SSLError):
            return "tls", getattr(cause, "verify_message", None) or cause.reason or "TLS failed"
        if isinstance(cause, socket.gaierror):
            return "unresolved", cause.strerror or "unknown name"
    word = next(filter(None, map(_word, _causes(failure))), "unreachable")
    return word, ""


def _word(cause: BaseException) -> str | None:
    import httpx

    if word := of_system(cause):
        return word
    if isinstance(cause, httpx.RemoteProtocolError):
        # httpcore's and h11's words for a connection that ended too early
        closed = "disconnected" in str(cause) or "closed connection" in str(cause)
        return "reset" if closed else "protocol"
    kinds: tuple[tuple[str, tuple[type[BaseException], ...]], ...] = (
        ("timeout", (TimeoutError,)),
        ("unsendable", (UnicodeEncodeError, httpx.LocalProtocolError)),
        ("reset", (httpx.ReadError, httpx.WriteError)),
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
