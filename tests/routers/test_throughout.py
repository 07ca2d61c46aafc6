"""What the shape of a source proves: every client is wired, its own /health harms nothing."""

from __future__ import annotations

import ast

import pytest

from tabbydoctor.routers.marked_block import MarkedBlock
from tabbydoctor.routers.throughout import health_is_harmless, wired_throughout

BLOCK = MarkedBlock(
    ("_tabby_keys", "_tabby_authorize", "_tabby_auth"),
    frozenset({("localhost", 5000)}),
    "/srv/api_tokens.yml",
    1,
    True,
)
WIRED = """\
import httpx
import subprocess
from fastapi import FastAPI
from urllib.parse import urljoin

app = FastAPI()

async def ready():
    async with httpx.AsyncClient(timeout=2.0, auth=_tabby_auth) as client:
        return (await client.get(URL)).status_code == 200

async def forward(request):
    client = httpx.AsyncClient(auth=_tabby_auth)
    return await client.send(client.build_request("POST", URL, json={}), stream=True)

@app.get("/health")
async def health():
    return {"tabbyapi": await ready(), "started": app.state.started.get("x")}
"""


def wired(text: str) -> bool:
    return wired_throughout(ast.parse(text), BLOCK)


def harmless(text: str) -> bool:
    return health_is_harmless(ast.parse(text))


def test_all_clients_have_the_hook() -> None:
    assert wired(WIRED)


@pytest.mark.parametrize(
    "addition",
    [
        "client = httpx.AsyncClient()",
        "client = httpx.Client(timeout=3)",
        "client = httpx.AsyncClient(auth=None)",
        "client = httpx.AsyncClient(auth=other)",
        "httpx.post(URL)",
        "from httpx import AsyncClient\nAsyncClient()",
        "from httpx import AsyncClient as C\nC()",
        "client.post(URL, auth=None)",
        "client.post(URL, **more)",
        "import requests",
        "import urllib.request",
        "from urllib import request",
        "import http.client",
        "import socket",
        "import openai",
        "from . import backend",
        "from backend import call",
        "import proxy.upstream",
        "m = __import__('requests')",
        "import importlib",
    ],
)
def test_one_way_past_the_hook_is_enough(addition: str) -> None:
    assert not wired(f"{WIRED}\n{addition}\n")


OPEN = """
async def alive():
    async with httpx.AsyncClient(timeout=2.0) as client:
        return {ask}
"""


@pytest.mark.parametrize(
    "ask",
    [
        "await client.get(f'{URL}/health')",
        "await client.get(URL + '/health')",
        "await client.get('http://127.0.0.1:5000/health')",
        "(await client.get(f'{A}/health'), await client.get(f'{B}/health'))",
    ],
)
def test_a_client_that_asks_what_is_open_needs_no_hook(ask: str) -> None:
    assert wired(WIRED + OPEN.replace("{ask}", ask))


@pytest.mark.parametrize(
    "ask",
    [
        "await client.get(f'{URL}/v1/models')",
        "await client.get(URL)",
        "await client.get(f'{URL}/health{more}')",
        "await client.post(f'{URL}/health')",
        "(await client.get(f'{URL}/health'), await other(client))",
        "(await client.get(f'{URL}/health'), await client.get(f'{URL}/v1/model'))",
        "None",
    ],
)
def test_a_client_that_may_ask_more_does(ask: str) -> None:
    assert not wired(WIRED + OPEN.replace("{ask}", ask))


def test_an_older_block_let_callers_keys_stay() -> None:
    older = MarkedBlock(("_tabby_authorize", "_tabby_auth"), BLOCK.addresses, "", 1, False)
    assert not wired_throughout(ast.parse(WIRED), older)


def test_health_that_asks() -> None:
    assert harmless(WIRED)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("client.get(URL)", "client.post(URL)"),
        ("client.get(URL)", "client.request('POST', URL)"),
        ("client.get(URL)", "subprocess.run(['systemctl', 'start', 'x'])"),
        ("await ready()", "await asyncio.gather(*map(forward, [1]))"),
        ("await ready()", "app.state.backend.forward(1)"),
        ('@app.get("/health")', '@app.get("/status")'),
        ('@app.get("/health")', ""),
    ],
)
def test_health_that_may_do_more(before: str, after: str) -> None:
    assert before in WIRED
    assert not harmless(WIRED.replace(before, after, 1))
