"""Where a client or a call has an `auth` of its own: TabbyAPI gets its key, every other server
what was given.
"""

from __future__ import annotations

import asyncio
import io
import urllib.request
from collections.abc import AsyncGenerator, Callable, Generator
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.response import addinfourl

import httpx
import pytest
import requests

from tabbydoctor.routers.wiring import block, wire

TABBY, OTHER = "http://localhost:5000/v1/models", "http://127.0.0.1:8085/v1/models"
KEY = "Bearer tabbys"


@pytest.fixture
def helper(tmp_path: Path) -> dict[str, Any]:
    tokens = tmp_path / "api_tokens.yml"
    tokens.write_text("api_key: tabbys\n")
    parts = ["auth", "beside", "opener", "session"]
    names: dict[str, Any] = {}
    exec(block.rendered(parts, "tokens", ["http://127.0.0.1:5000"], str(tokens)), names)
    return names


class Twice(httpx.Auth):
    """Asks once more where it is refused, as digest authentication does."""

    def __init__(self, word: str) -> None:
        self.word = word

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        answer = yield request
        if answer.status_code == 401:
            request.headers["Authorization"] = self.word
            yield request


class Awaited(Twice):
    """The same, for asynchronous clients alone."""

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        answer = yield request
        if answer.status_code == 401:
            request.headers["Authorization"] = self.word
            yield request


def function(request: Any) -> Any:
    request.headers["Authorization"] = "Bearer own"
    return request


GIVEN: list[tuple[object, str]] = [
    (None, ""),
    (("me", "secret"), "Basic bWU6c2VjcmV0"),
    (function, "Bearer own"),
]
FLOWS: list[tuple[object, str]] = [
    *GIVEN,
    (httpx.BasicAuth("me", "secret"), "Basic bWU6c2VjcmV0"),
    (Twice("Digest own"), "Digest own"),
    (Awaited("Digest own"), "Digest own"),
]


class Servers:
    """What was sent last; whoever sends nothing is refused."""

    def __init__(self) -> None:
        self.sent = ""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.sent = request.headers.get("Authorization", "")
        return httpx.Response(200 if self.sent else 401)


@pytest.mark.parametrize(("given", "word"), FLOWS)
def test_httpx(helper: dict[str, Any], given: Any, word: str) -> None:
    servers = Servers()
    auth = helper["_tabby_beside"](given)

    async def asked(url: str) -> str:
        async with httpx.AsyncClient(auth=auth, transport=httpx.MockTransport(servers)) as client:
            await client.get(url)
        return servers.sent

    with httpx.Client(auth=auth, transport=httpx.MockTransport(servers)) as client:
        client.get(TABBY)
        assert servers.sent == KEY
        client.get(OTHER)
        assert servers.sent == (word if given else "")
    assert asyncio.run(asked(TABBY)) == KEY
    assert asyncio.run(asked(OTHER)) == (word if given else "")


@pytest.mark.parametrize(("given", "word"), GIVEN)
def test_requests(helper: dict[str, Any], given: Any, word: str) -> None:
    auth = helper["_tabby_beside"](given)
    prepared = [requests.Request("GET", url, auth=auth).prepare() for url in (TABBY, OTHER)]
    assert [each.headers.get("Authorization", "") for each in prepared] == [KEY, word]


@pytest.mark.parametrize("make", [requests.Session, httpx.Client])
def test_a_client_that_has_one_when_it_is_wrapped(
    helper: dict[str, Any], make: Callable[[], Any]
) -> None:
    client = make()
    client.auth = ("me", "secret")
    wrapped = helper["_tabby_session"](client)
    request = httpx.Request if make is httpx.Client else None
    if request is None:
        sent = [wrapped.prepare_request(requests.Request("GET", url)) for url in (TABBY, OTHER)]
    else:
        sent = [next(wrapped.auth.sync_auth_flow(request("GET", url))) for url in (TABBY, OTHER)]
    assert [each.headers["Authorization"] for each in sent] == [KEY, "Basic bWU6c2VjcmV0"]


class _Answers(urllib.request.HTTPHandler):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []

    def http_open(self, request: urllib.request.Request) -> Any:
        self.sent.append(dict(request.header_items()).get("Authorization", ""))
        answer = addinfourl(io.BytesIO(b"{}"), Message(), request.full_url, 200)
        vars(answer)["msg"] = "OK"
        return answer


def test_an_opener(helper: dict[str, Any]) -> None:
    answers = _Answers()
    opener = helper["_tabby_opener"](urllib.request.build_opener(answers))
    opener.addheaders = [("Authorization", "Bearer own")]
    for url in (TABBY, OTHER):
        opener.open(url)
        opener.open(urllib.request.Request(url, headers={"Authorization": "Bearer own"}))
    assert answers.sent == [KEY, KEY, "Bearer own", "Bearer own"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            'httpx.Client(auth=("bearer", "x"))',
            'httpx.Client(auth=_tabby_beside(("bearer", "x")))',
        ),
        (
            "httpx.Client(auth=httpx.BasicAuth('a', 'b'), timeout=2)",
            "httpx.Client(auth=_tabby_beside(httpx.BasicAuth('a', 'b')), timeout=2)",
        ),
        (
            "urllib.request.build_opener()",
            "_tabby_opener(urllib.request.build_opener())",
        ),
    ],
)
def test_it_is_wrapped_where_it_stands(before: str, after: str) -> None:
    send = "open" if "opener" in before else "post"
    source = (
        "import httpx\nimport urllib.request\n\n"
        f"client = {before}\n\n\ndef forward(body):\n"
        f'    return client.{send}("http://localhost:5000/v1/chat/completions", body)\n'
    )

    def wired(text: str) -> str:
        return wire(
            text.encode(),
            tabby_urls=("http://127.0.0.1:5000",),
            strategy="router-tokens",
            tokens_path="/srv/api_tokens.yml",
            throughout=True,
        ).source.decode()

    assert f"client = {after}\n" in wired(source)
    assert wired(wired(source)) == wired(source)
