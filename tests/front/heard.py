"""What TabbyAPI would make of the bytes that came to it, by each parser it may be run with."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

import h11
import pytest

httptools = pytest.importorskip("httptools", reason="the parser that TabbyAPI asks for")
_ROUTES = re.compile(
    r"/v1/(model/(embedding/)?(un)?load|lora/(un)?load|template/(switch|unload)"
    r"|sampling/override/(switch|unload)|download)/?\n?"
)
"""TabbyAPI's routes that ask for the admin key, as Starlette compares them."""


@dataclass
class Heard:
    """One request."""

    method: bytes = b""
    target: bytes = b""
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    path: str = ""

    def values(self, name: bytes) -> list[bytes]:
        """Of a field, whatever stands for a hyphen in its name."""
        return [value for key, value in self.fields if key.lower().replace(b"_", b"-") == name]

    def faults(self, key: str) -> Iterator[str]:
        """What should not have come to TabbyAPI."""
        if self.values(b"authorization") != [f"Bearer {key}".encode()]:
            yield f"Authorization: {self.values(b'authorization')}"
        if self.values(b"x-api-key") or self.values(b"x-admin-key"):
            yield "a key of the caller's"
        if _ROUTES.fullmatch(self.path):
            yield f"an admin route: {self.path}"
        if self.method == b"CONNECT" or self.values(b"upgrade"):
            yield "another protocol is asked for"


class _Protocol:
    """What httptools calls."""

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.every: list[Heard] = []
        self.coming = Heard()

    def on_message_begin(self) -> None:
        self.coming = Heard()

    def on_url(self, url: bytes) -> None:
        self.coming.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.coming.fields.append((name, value))

    def on_headers_complete(self) -> None:
        self.coming.method = self.parser.get_method()
        self.every.append(self.coming)


def by_httptools(came: bytes) -> list[Heard]:
    """As Uvicorn with httptools, which TabbyAPI asks for. What ends in an error ends there."""
    protocol = _Protocol()
    with contextlib.suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):
        protocol.parser.feed_data(came)
    for one in protocol.every:
        url = one.target if one.target.startswith((b"/", b"h", b"H")) else b"/"
        one.path = unquote((httptools.parse_url(url).path or b"").decode("latin-1"))
    return protocol.every


def by_h11(came: bytes) -> list[Heard]:
    """As Uvicorn with h11, which stands in. What ends in an error ends there."""
    parser, every = h11.Connection(h11.SERVER), []
    parser.receive_data(came)
    try:
        while (event := parser.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            if isinstance(event, h11.Request):
                path = unquote(event.target.partition(b"?")[0].decode("latin-1"))
                every.append(Heard(event.method, event.target, list(event.headers), path))
            if isinstance(event, h11.EndOfMessage):
                parser.send(h11.Response(status_code=200, headers=[(b"content-length", b"0")]))
                parser.send(h11.EndOfMessage())
                parser.start_next_cycle()
            if isinstance(event, h11.ConnectionClosed):
                break
    except h11.ProtocolError:
        pass
    return every


PARSERS: dict[str, Callable[[bytes], list[Heard]]] = {"httptools": by_httptools, "h11": by_h11}


def faults_of(came: bytes, key: str) -> list[str]:
    """What should not have come on one connection, by either parser."""
    heard = {name: parse(came) for name, parse in PARSERS.items()}
    return [
        f"{name}: {fault}, by {one.method!r} {one.target!r}"
        for name, every in heard.items()
        for one in every
        for fault in one.faults(key)
    ]
