"""What a caller sends through a wired router gives way to TabbyAPI's key, to TabbyAPI alone."""

from __future__ import annotations

import json
import re
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tabbydoctor.routers import Call, python
from tabbydoctor.routers.keys import CLIENT_OWN
from tabbydoctor.routers.wiring import WiringStrategy
from tests.contract.server import ADMIN_KEY, poll
from tests.routers.wiring.deployment import Deployment, deployment, load

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
API_KEY = "user-key-of-the-test"
SECOND = "a-second-key"
ROUTERS = {
    "httpx": """\
import httpx
client = httpx.Client()

def tabby(request):
    url = "http://localhost:5000/v1/models"
    return client.request("GET", url, headers=request.headers).status_code

def other(request):
    return client.get("http://localhost:30000/v1/models", headers=request.headers).status_code
""",
    "httpx stream": """\
import asyncio, httpx

async def send(request, url):
    async with httpx.AsyncClient() as client:
        ready = client.build_request("GET", url, headers=list(request.headers.items()))
        answer = await client.send(ready, stream=True)
        await answer.aread()
        return answer.status_code

def tabby(request):
    return asyncio.run(send(request, "http://localhost:5000/v1/models"))

def other(request):
    return asyncio.run(send(request, "http://localhost:30000/v1/models"))
""",
    "requests": """\
import requests

def tabby(request):
    url = "http://localhost:5000/v1/models"
    return requests.get(url, headers=dict(request.headers)).status_code

def other(request):
    url = "http://localhost:30000/v1/models"
    return requests.get(url, headers=dict(request.headers)).status_code
""",
    "requests session": """\
import requests
session = requests.Session()

def tabby(request):
    url = "http://localhost:5000/v1/models"
    return session.get(url, headers=dict(request.headers)).status_code

def other(request):
    url = "http://localhost:30000/v1/models"
    return session.get(url, headers=dict(request.headers)).status_code
""",
    "aiohttp": """\
import asyncio, aiohttp

async def send(request, url):
    async with aiohttp.ClientSession() as session:
        async with session.get(url, headers=request.headers) as answer:
            return answer.status

def tabby(request):
    return asyncio.run(send(request, "http://localhost:5000/v1/models"))

def other(request):
    return asyncio.run(send(request, "http://localhost:30000/v1/models"))
""",
    "urllib": """\
import urllib.error, urllib.request

def send(request, url):
    try:
        ready = urllib.request.Request(url, headers=dict(request.headers))
        with urllib.request.urlopen(ready) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code

def tabby(request):
    return send(request, "http://localhost:5000/v1/models")

def other(request):
    return send(request, "http://localhost:30000/v1/models")
""",
    "http.client": """\
import http.client

def send(request, port):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/v1/models", headers=dict(request.headers))
    answer = connection.getresponse()
    answer.read()
    return answer.status

def tabby(request):
    return send(request, 5000)

def other(request):
    return send(request, 30000)
""",
    "openai": """\
import openai

def send(request, url):
    client = openai.OpenAI(base_url=url, api_key="none", default_headers=dict(request.headers))
    try:
        client.models.list()
    except openai.APIStatusError as error:
        return error.status_code
    return 200

def tabby(request):
    return send(request, "http://localhost:5000/v1")

def other(request):
    return send(request, "http://localhost:30000/v1")
""",
}
CALLERS: Mapping[str, Mapping[str, str]] = {
    "none": {},
    "a stranger's": {"Authorization": "Bearer sk-of-a-caller"},
    "an empty one": {"Authorization": "Bearer"},
    "TabbyAPI's own": {"Authorization": f"Bearer {API_KEY}"},
    "the admin's": {"Authorization": f"Bearer {ADMIN_KEY}"},
    "x-api-key": {"X-API-Key": "sk-of-a-caller"},
    "x-admin-key": {"X-Admin-Key": ADMIN_KEY},
    "all of them": {
        "aUTHORIZATION": "Bearer sk-of-a-caller",
        "x-ApI-kEy": "sk-of-a-caller",
        "X-ADMIN-KEY": ADMIN_KEY,
    },
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployment(tmp_path_factory.mktemp("deployment"), {}) as made:
        yield made


@pytest.fixture(scope="module")
def wired(running: Deployment) -> Callable[[str, WiringStrategy], types.ModuleType]:
    """A router's module by name and strategy, wired once."""
    made: dict[tuple[str, str], types.ModuleType] = {}

    def router(name: str, strategy: WiringStrategy = "router-tokens") -> types.ModuleType:
        if (name, strategy) not in made:
            source = running.wired(ROUTERS[name], strategy).source
            made[name, strategy] = load(source, f"callers_{len(made)}")
        return made[name, strategy]

    return router


def request(headers: Mapping[str, str]) -> types.SimpleNamespace:
    return types.SimpleNamespace(headers=dict(headers))


@pytest.mark.parametrize("name", ROUTERS)
def test_a_router_that_hands_on_headers_sends_no_key_of_its_own(
    name: str, running: Deployment
) -> None:
    def calls(source: str) -> list[Call]:
        return list(python.read("router.py", source, (running.url,)).calls)

    bare = calls(running.here(ROUTERS[name]))
    assert bare
    assert all(call.sends_key is not True for call in bare)
    after = calls(running.wired(ROUTERS[name]).source.decode())
    assert all(call.sends_key and call.wired for call in after)


COMPARED = """\
import os

import httpx
import yaml

KEY = os.environ["ROUTER_KEY"]


def key():
    with open("/srv/tabbyAPI/api_tokens.yml") as file:
        return yaml.safe_load(file)["api_key"]


async def chat(request):
    {check}
    url = "http://localhost:5000/v1/completions"
    async with httpx.AsyncClient() as client:
        return await client.post(url, headers=dict(request.headers), content=request.body)
"""
SENT = 'request.headers.get("authorization", "")'


@pytest.mark.parametrize(
    ("check", "key_from"),
    [
        (f'if {SENT} != f"Bearer {{KEY}}": return 401', "environment ROUTER_KEY"),
        (f'if {SENT}.removeprefix("Bearer ") != key(): return 401', "api_tokens.yml api_key"),
        (f'if f"Bearer {{KEY}}" == {SENT}: print("ours")', CLIENT_OWN),
        (f"if not {SENT}: return 401", CLIENT_OWN),
        (f'if {SENT} != "Bearer sk-routers-own": return 401', CLIENT_OWN),
    ],
)
def test_a_caller_that_is_compared_with_a_key_is_known_to_send_that(
    check: str, key_from: str
) -> None:
    source = COMPARED.replace("{check}", check)
    reading = python.read("router.py", source, ("http://localhost:5000",), environment={})
    (call,) = reading.of("forward")
    assert (call.sends_key, call.key_from) == (key_from != CLIENT_OWN, key_from)


@pytest.mark.parametrize("strategy", ["router-tokens", "router-env"])
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("name", ROUTERS)
def test_tabbyapi_accepts_whatever_the_caller_sends(
    name: str,
    caller: str,
    strategy: WiringStrategy,
    wired: Callable[[str, WiringStrategy], types.ModuleType],
    running: Deployment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TABBY_API_KEY", API_KEY)
    router = wired(name, strategy)
    assert router.tabby(request(CALLERS[caller])) == 200
    running.sglang.headers.clear()
    router.other(request(CALLERS[caller]))
    (sent,) = running.sglang.headers
    own = {key.lower(): value.strip() for key, value in CALLERS[caller].items()}
    for header in ("x-api-key", "x-admin-key"):
        assert sent.get(header) == own.get(header)
    if name != "openai":  # it has a key of its own, which it sends everywhere
        assert sent.get("authorization", "").strip() == own.get("authorization", "")


def test_any_of_several_keys_is_kept(
    running: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = helper(running, f"api_key:\n- {API_KEY}\n- {SECOND}\n", tmp_path)
    assert authorized(names, {"authorization": f"Bearer {SECOND}"}) == SECOND
    assert authorized(names, {"authorization": f"bearer  {SECOND}"}) == SECOND
    assert authorized(names, {"x-api-key": SECOND}) == API_KEY
    assert authorized(names, {"Authorization": f"Bearer {ADMIN_KEY}"}) == API_KEY
    monkeypatch.setenv("TABBY_API_KEY", API_KEY)
    by_unit = load(running.wired(ROUTERS["httpx"], "router-env").source, "by_unit").__dict__
    assert authorized(by_unit, {"authorization": f"Bearer {SECOND}"}) == API_KEY


def test_without_a_key_a_callers_own_stays_and_an_admins_does_not(
    running: Deployment, tmp_path: Path
) -> None:
    names = helper(running, "", tmp_path)
    headers = {"authorization": "Bearer own", "X-Admin-Key": ADMIN_KEY, "accept": "*/*"}
    names["_tabby_authorize"](headers)
    assert headers == {"authorization": "Bearer own", "accept": "*/*"}
    empty = {"Authorization": "Bearer "}
    names["_tabby_authorize"](empty)
    assert empty == {}


def test_raw_headers_are_bytes(running: Deployment, tmp_path: Path) -> None:
    names = helper(running, f"api_key: {API_KEY}\n", tmp_path)
    headers: dict[bytes | str, bytes | str] = {b"X-Admin-Key": b"a", b"authorization": b"Bearer b"}
    names["_tabby_authorize"](headers)
    assert headers == {"Authorization": f"Bearer {API_KEY}"}


MANAGES = """\
import httpx
import yaml

TOKENS = yaml.safe_load(open("/srv/tabbyAPI/api_tokens.yml"))
client = httpx.Client()


def load(name):
    headers = {"Authorization": f"Bearer {TOKENS['admin_key']}"}
    url = "http://localhost:5000/v1/model/load"
    return client.post(url, json={"model_name": name}, headers=headers).status_code


def tabby(body):
    return client.post("http://localhost:5000/v1/chat/completions", json=body).status_code
"""


def test_a_router_that_manages_models_keeps_its_own_admin_key(running: Deployment) -> None:
    once = running.wired(MANAGES)
    router = load(once.source, "manages")
    assert router.tabby({"model": "m", "messages": []}) != 401
    assert router.load("no-such-model") not in (401, 403)
    again = running.wired(once.source.decode())
    assert again.source == once.source


@pytest.fixture
def rotated(running: Deployment) -> Iterator[None]:
    before = running.tokens.read_bytes()
    running.tokens.write_text(f"api_key: [{SECOND}]\nadmin_key: {ADMIN_KEY}\n")
    poll(lambda: running.tabby.accepts(SECOND), "the new key")
    yield
    running.tokens.write_bytes(before)
    poll(lambda: running.tabby.accepts(API_KEY), "the old key")


@pytest.mark.usefixtures("rotated")
def test_a_key_that_was_rotated_away_is_a_strangers(
    wired: Callable[[str, WiringStrategy], types.ModuleType],
) -> None:
    router = wired("httpx", "router-tokens")
    assert router.tabby(request(CALLERS["TabbyAPI's own"])) == 200


def helper(running: Deployment, tokens: str, tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "api_tokens.yml"
    path.write_text(tokens)
    source = running.wired(ROUTERS["httpx"]).source.decode()
    return load(
        re.sub(r"_TABBY_TOKENS = .*", f"_TABBY_TOKENS = {json.dumps(str(path))}", source).encode(),
        f"helper_of_{tmp_path.name}",
    ).__dict__


def authorized(names: dict[str, Any], headers: dict[str, str]) -> str:
    """The key that headers carry when the helper has gone over them: the only one."""
    names["_tabby_authorize"](headers)
    ((name, value),) = headers.items()
    assert name == "Authorization"
    return value.removeprefix("Bearer ")
