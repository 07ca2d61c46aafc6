"""Probes that can never turn healthy: wired, they do; other backends are asked as before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tabbydoctor.routers import python
from tabbydoctor.routers.probes import hopeless
from tests.routers.wiring.deployment import Deployment, deployment, load

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
TABBY = "http://localhost:5000"
BODY = '{"model": "test", "messages": [], "max_tokens": 1}'
ALONE = {
    "httpx head": f"""\
import httpx

def check_health():
    return httpx.head("{TABBY}/health").status_code == 200
""",
    "httpx options": f"""\
import httpx

def check_health():
    with httpx.Client() as client:
        return client.options("{TABBY}/health", timeout=5).status_code == 200
""",
    "httpx request": f"""\
import asyncio, httpx

async def check_health_of():
    async with httpx.AsyncClient() as client:
        return (await client.request("HEAD", "{TABBY}/v1/models")).status_code == 200

def check_health():
    return asyncio.run(check_health_of())
""",
    "httpx post": f"""\
import asyncio, httpx

async def check_health_of():
    async with httpx.AsyncClient() as c:
        r = await c.post("{TABBY}/v1/chat/completions", json={BODY})
        return r.status_code == 200

def check_health():
    return asyncio.run(check_health_of())
""",
    "requests head": f"""\
import requests

def check_health():
    return requests.head("{TABBY}/health", timeout=5).ok
""",
    "requests post": f"""\
import requests

def check_health():
    r = requests.post("{TABBY}/v1/chat/completions", json={BODY}, timeout=5)
    return r.status_code == 200
""",
    "aiohttp head": f"""\
import asyncio, aiohttp

async def check_health_of():
    async with aiohttp.ClientSession() as session:
        async with session.head("{TABBY}/health") as r:
            return r.status == 200

def check_health():
    return asyncio.run(check_health_of())
""",
    "aiohttp post": f"""\
import asyncio, aiohttp

async def check_health_of():
    async with aiohttp.ClientSession() as session:
        async with session.post("{TABBY}/v1/chat/completions", json={BODY}) as r:
            return r.status == 200

def check_health():
    return asyncio.run(check_health_of())
""",
    "urllib head": f"""\
import urllib.error, urllib.request

def check_health():
    try:
        ready = urllib.request.Request("{TABBY}/health", method="HEAD")
        with urllib.request.urlopen(ready, timeout=5) as r:
            return r.status == 200
    except urllib.error.URLError:
        return False
""",
    "urllib post": f"""\
import json, urllib.error, urllib.request

def check_health():
    body = json.dumps({BODY}).encode()
    try:
        ready = urllib.request.Request("{TABBY}/v1/chat/completions", body, method="POST")
        with urllib.request.urlopen(ready, timeout=5) as r:
            return r.status == 200
    except urllib.error.URLError:
        return False
""",
}
SHARED = {
    "httpx head": """\
import httpx
BACKENDS = {"tabbyapi": "http://localhost:5000", "sglang": "http://localhost:30000"}

def check_health(name="tabbyapi"):
    with httpx.Client() as client:
        return client.head(f"{BACKENDS[name]}/health").status_code == 200
""",
    "aiohttp post": f"""\
import asyncio, aiohttp
PORTS = {{"tabbyapi": 5000, "sglang": 30000}}

async def check_health_of(name):
    async with aiohttp.ClientSession() as session:
        url = f"http://localhost:{{PORTS[name]}}/v1/chat/completions"
        async with session.post(url, json={BODY}) as r:
            return r.status == 200

def check_health(name="tabbyapi"):
    return asyncio.run(check_health_of(name))
""",
}
SOURCES = {**ALONE, **{f"shared {name}": text for name, text in SHARED.items()}}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployment(tmp_path_factory.mktemp("deployment"), {}) as made:
        yield made


def hopeless_lines(source: str, running: Deployment) -> list[int]:
    reading = python.read("router.py", source, (running.url,))
    assert reading.of("probe")
    return [call.line for call in reading.of("probe") if call.certain and hopeless(call)]


@pytest.mark.parametrize("name", SOURCES)
def test_a_hopeless_probe_turns_healthy(name: str, running: Deployment) -> None:
    before = running.here(SOURCES[name])
    assert hopeless_lines(before, running)
    assert not load(before.encode(), "hopeless").check_health()
    wired = running.wired(SOURCES[name])
    assert wired.leftovers == ()
    assert load(wired.source, "hopeful").check_health()
    assert not hopeless_lines(wired.source.decode(), running)
    assert running.wired(wired.source.decode()).source == wired.source


@pytest.mark.parametrize("name", SHARED)
def test_others_are_asked_as_before(name: str, running: Deployment) -> None:
    router = load(running.wired(SHARED[name]).source, "hopeful")
    running.sglang.headers.clear()
    assert router.check_health("sglang")
    (sent,) = running.sglang.headers
    assert "authorization" not in sent
    assert ("content-length" in sent) is ("post" in name)
