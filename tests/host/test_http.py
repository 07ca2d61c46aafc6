"""The HTTP door: nothing on the other side may hold it, bloat it, or lead it elsewhere."""

from __future__ import annotations

import asyncio
import logging
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tabbydoctor import __version__
from tabbydoctor.host.data import HttpAnswer
from tabbydoctor.host.http import HttpDoor
from tabbydoctor.host.plain_http import is_plain
from tests.host.servers import (
    Behaviour,
    Listener,
    answers,
    drips,
    hangs,
    listening,
    resets,
    says,
    streams,
)


def ask(
    url: str,
    headers: dict[str, str] | None = None,
    *,
    method: str = "GET",
    timeout: float = 5.0,
    limit: int = 64 << 10,
) -> HttpAnswer:
    async def once() -> HttpAnswer:
        door = HttpDoor()
        try:
            return await door.get(url, headers, method=method, timeout=timeout, limit=limit)
        finally:
            await door.close()

    return asyncio.run(once())


def test_an_answer_is_told_whole() -> None:
    with listening(answers("200 OK", b'{"a":1}', "Server: uvicorn")) as server:
        answer = ask(f"{server.url}/health", {"Authorization": "Bearer k"})
    assert (answer.status, answer.body, answer.error) == (200, b'{"a":1}', None)
    assert answer.headers["server"] == "uvicorn"
    assert not answer.truncated
    assert server.saw("GET /health HTTP/1.1")
    assert server.saw("Authorization: Bearer k")
    assert server.saw(f"User-Agent: tabbydoctor/{__version__}")


def test_an_ipv6_address() -> None:
    with listening(answers("204 No Content"), "::1") as server:
        answer = ask(server.url)
    assert (answer.status, answer.body, answer.error) == (204, b"", None)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost:1/"])
def test_nobody_there_is_refused(url: str) -> None:
    assert ask(url).error == "refused"


@pytest.mark.parametrize(
    "url",
    ["http://no-such-host.invalid/", "http://[::1/", "ftp://127.0.0.1/", "/x", "http://a:99999/"],
)
def test_what_is_no_address_is_unresolved(url: str) -> None:
    assert ask(url).error == "unresolved"


def test_a_server_that_hangs_times_out() -> None:
    with listening(hangs) as server:
        answer = ask(server.url, timeout=0.3)
    assert (answer.status, answer.error) == (None, "timeout")


def test_a_dripping_server_cannot_hold_although_every_read_succeeds() -> None:
    with listening(drips) as server:
        answer = ask(server.url, timeout=0.5)
    assert (answer.status, answer.error, answer.truncated) == (200, "timeout", True)


def test_an_endless_stream_is_cut_at_the_limit() -> None:
    with listening(streams) as server:
        answer = ask(server.url, limit=1000)
    assert (answer.status, answer.error) == (200, None)
    assert answer.body == b"x" * 1000
    assert answer.truncated


def test_a_body_of_just_the_limit_is_whole() -> None:
    with listening(answers("200 OK", b"12345")) as server:
        answer = ask(server.url, limit=5)
    assert (answer.body, answer.truncated) == (b"12345", False)


def test_nothing_is_unpacked() -> None:
    with listening(answers("200 OK", b"not gzip", "Content-Encoding: gzip")) as server:
        answer = ask(server.url)
    assert answer.body == b"not gzip"
    assert server.saw("Accept-Encoding: identity")


@pytest.mark.parametrize(
    ("behave", "error"),
    [
        (resets, "reset"),
        (says(b""), "reset"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), "reset"),
        (says(b"220 mail.example ESMTP\r\n\r\n"), "protocol"),
        (says(b"\x00\xff" * 100), "protocol"),
        (says(b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * 300_000), "protocol"),
        (says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "protocol"),
    ],
)
def test_what_is_not_an_answer_is_named(behave: Behaviour, error: str) -> None:
    with listening(behave) as server:
        assert ask(server.url).error == error


def test_a_redirect_is_not_followed() -> None:
    with (
        listening(answers("200 OK")) as elsewhere,
        listening(answers("307 Go", b"", f"Location: {elsewhere.url}/")) as server,
    ):
        answer = ask(server.url, {"Authorization": "Bearer secret"})
    assert answer.status == 307
    assert elsewhere.received == []


def test_proxy_variables_and_netrc_are_ignored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with listening(answers("200 OK")) as proxy, listening(answers("204 No Content")) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert ask(server.url).status == 204
    assert proxy.received == []
    assert not server.saw("Authorization")


@pytest.mark.parametrize("key", ["clé", "ключ", "two\nlines", "nul\0", "space "])
def test_a_key_that_no_header_can_carry_is_unsendable_and_unsaid(key: str) -> None:
    with listening(answers("200 OK")) as server:
        answer = ask(server.url, {"Authorization": f"Bearer {key}"})
    assert answer.error == "unsendable"
    assert key.strip() not in repr(answer)
    assert not any(server.received)


def test_neither_headers_nor_bodies_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with listening(answers("200 OK", b"body-secret", "X-Echo: echo-secret")) as server:
        ask(server.url, {"Authorization": "Bearer key-secret"})
    assert "secret" not in caplog.text


def test_https_to_a_server_that_speaks_plain_http() -> None:
    with listening(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        assert ask(server.url.replace("http:", "https:")).error == "tls"


def test_https_to_a_server_that_hangs() -> None:
    with listening(hangs) as server:
        answer = ask(server.url.replace("http:", "https:"), timeout=0.3)
    assert answer.error == "timeout"


@pytest.fixture
def self_signed(tmp_path: Path) -> Iterator[Listener]:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-subj", "/CN=localhost"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with listening(answers("200 OK")) as server:
        server.wrap(context)
        yield server


def test_a_certificate_nobody_vouches_for(self_signed: Listener) -> None:
    answer = ask(f"https://localhost:{self_signed.port}/", {"Authorization": "Bearer secret"})
    assert (answer.status, answer.error) == (None, "tls")
    assert "self" in answer.detail
    assert not self_signed.saw("secret")


def test_plain_http_to_an_https_server(self_signed: Listener) -> None:
    answer = ask(f"http://localhost:{self_signed.port}/")
    assert answer.status is None
    assert answer.error in ("protocol", "reset")


def test_a_resolver_that_hangs_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: released.wait(30))
    try:
        assert ask("http://a-name.test/", timeout=0.2).error == "timeout"
        assert not released.is_set()
    finally:
        released.set()


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("http://127.0.0.1:5000/v1/models?probe=a", True),
        ("http://[::1]:5000", True),
        ("http://127.0.0.1/.well-known/serviceinfo", True),
        ("https://127.0.0.1:5000/", False),
        ("http://localhost:5000/", False),
        ("http://127.1:5000/", False),
        ("http://sam@127.0.0.1:5000/", False),
        ("http://127.0.0.1:5000/a/../b", False),
        ("http://127.0.0.1:5000/a b", False),
        ("http://127.0.0.1:5000/ü", False),
        ("http://[fe80::1%25lo]:5000/", False),
    ],
)
def test_which_requests_need_no_httpx(url: str, plain: bool) -> None:
    assert is_plain(url) is plain


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"), (404, b"0\r\n\r\n"), (101, b""), (204, b"")],
)
def test_by_address_and_by_name_the_same_is_told(method: str, status: int, body: bytes) -> None:
    head = b"HTTP/1.1 %d Well\r\nX-One: a\r\nx-one: b\xfc\r\nTransfer-Encoding: chunked\r\n\r\n"
    with listening(says(head % status + (b"" if method == "HEAD" else body))) as server:
        told = [
            ask(f"{url}/a?b=c", method=method)
            for url in (server.url, server.url.replace("127.0.0.1", "localhost"))
        ]
        assert [request.partition(b"\r\n")[0] for request in server.received] == [
            f"{method} /a?b=c HTTP/1.1".encode()
        ] * 2
    one, other = ((one.status, one.headers, one.body, one.error) for one in told)
    assert one == other
    assert one[0] == (None if status == 101 else status)  # nobody asked for another protocol
