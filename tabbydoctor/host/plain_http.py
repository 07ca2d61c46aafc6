"""One request in plain HTTP to an address, by h11 alone, on which httpx stands, too.

httpx takes longer to import than all requests of a healthy run take; it is for TLS, for names
that are to be looked up, and for URLs that are to be put right first.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol
from urllib.parse import SplitResult, urlsplit

from tabbydoctor.records import dataclass

if TYPE_CHECKING:
    import h11

_READ = 64 << 10
"""Bytes."""
_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}
_TO_PUT_RIGHT = frozenset(" \"'<>\\^`{|}@%#")


class Taker(Protocol):
    """Takes what an answer is made of, as it comes."""

    def begin(self, status: int, headers: dict[str, str]) -> None:
        """The head."""

    def add(self, chunk: bytes) -> bool:
        """A part of the body; whether it was the last one that is wanted."""


class Gate(Protocol):
    """Looks at a connection before anything is sent over it."""

    async def admit(self, here: tuple[str, int], there: tuple[str, int]) -> None:
        """Raises what the request is to end with."""


class NotHttp(Exception):  # noqa: N818 - an answer, not an error
    """What came is no HTTP."""


class Unsendable(Exception):  # noqa: N818 - an answer, not an error
    """HTTP cannot carry a header's value."""


def is_plain(url: str) -> bool:
    """Whether it is an http:// URL of an address, with nothing in it that is to be put right."""
    parts = urlsplit(url)
    written = url.isascii() and url.isprintable() and not _TO_PUT_RIGHT & {*url}
    straight = not {".", ".."} & {*parts.path.split("/")}
    return parts.scheme == "http" and written and straight and _is_address(parts)


def _is_address(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class PlainRequest:
    """What is to be sent, and where; the URL is plain."""

    url: str
    method: str
    headers: Mapping[str, str]
    body: bytes | None

    async def exchange(self, taker: Taker, gate: Gate | None) -> None:
        """Send it, and hand on what comes. Raises OSError, NotHttp, Unsendable, or what the gate
        raises.
        """
        import h11

        connection = h11.Connection(h11.CLIENT)
        try:
            sent = b"".join(connection.send(event) or b"" for event in self._events())
        except (h11.LocalProtocolError, UnicodeEncodeError) as error:
            raise Unsendable from error
        parts = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
        try:
            if gate is not None:
                of = writer.get_extra_info
                await gate.admit(of("sockname")[:2], of("peername")[:2])
            writer.write(sent)
            await writer.drain()
            await _take(connection, reader, taker)
        except h11.RemoteProtocolError as error:
            if "closed connection" in str(error):
                raise ConnectionResetError from error
            raise NotHttp from error
        finally:
            writer.transport.abort()

    def _events(self) -> Iterator[h11.Event]:
        import h11

        parts = urlsplit(self.url)
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        given = {"Host": _host(parts), "Connection": "close", **self.headers}
        if self.body is not None:
            given["Content-Length"] = str(len(self.body))
        headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in given.items()]
        yield h11.Request(method=self.method, target=target, headers=headers)
        if self.body:
            yield h11.Data(data=self.body)
        yield h11.EndOfMessage()


def _host(parts: SplitResult) -> str:
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else f"{parts.hostname}"
    return host if parts.port in (None, 80) else f"{host}:{parts.port}"


async def _take(connection: h11.Connection, reader: asyncio.StreamReader, taker: Taker) -> None:
    """Hand on head and body until their end, or until no more is wanted."""
    import h11

    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            read = await reader.read(_READ)
            if not read and connection.their_state is h11.SEND_RESPONSE:
                raise ConnectionResetError
            connection.receive_data(read)
        elif isinstance(event, h11.Response):
            taker.begin(event.status_code, _joined(event))
        elif isinstance(event, h11.InformationalResponse):
            if event.status_code == 101:  # another protocol follows
                taker.begin(event.status_code, _joined(event))
                return
        elif not isinstance(event, h11.Data) or taker.add(bytes(event.data)):
            return


def _joined(head: h11.Response | h11.InformationalResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in head.headers:
        known, text = name.decode("latin-1"), _text(value)
        headers[known] = f"{headers[known]}, {text}" if known in headers else text
    return headers


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def of_system(failure: BaseException) -> str | None:
    """The error word of an OSError."""
    if isinstance(failure, OSError) and failure.errno in _UNREACHABLE:
        return "unreachable"
    if isinstance(failure, ConnectionRefusedError):
        return "refused"
    return "reset" if isinstance(failure, ConnectionError) else None
