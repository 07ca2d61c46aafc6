"""The live witness: each row of its table, through real routers to a real stand-in server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tabbydoctor.demo import standin
from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.host.data import HttpAnswer
from tabbydoctor.host.local import LocalHost
from tabbydoctor.routers.witness import RouterWitness, Verdict, router_witness, said_by
from tabbydoctor.tabbyapi.probes import Address, Endpoint
from tabbydoctor.tabbyapi.probing import endpoint
from tabbydoctor.tabbyapi.tokens_reading import read_tokens
from tests.contract.server import API_KEY, TOKENS, Program, Server
from tests.host.servers import holder_of

from .relay import OWN, SHAPES, Relay, relaying

MACHINE = Machine(systemd=False, root=True)
KEYED_PATHS = {"/v1/models", "/v1/models?probe=tabbydoctor"}


@dataclass(frozen=True)
class Tabby:
    """A running TabbyAPI, with what the doctor knows of it."""

    server: Server
    endpoint: Endpoint
    instance: Instance

    @property
    def url(self) -> str:
        return self.endpoint.address.url


def started(directory: Path, **files: str) -> Tabby:
    """Start one; `files` are its own, by name."""
    checkout = directory / "checkout"
    checkout.mkdir()
    standin.install(checkout)
    server = Server(Program("standin", sys.executable, checkout / "main.py"), directory / "tabby")
    server.start(
        {"api_tokens.yml": TOKENS, **{f"{name}.yml": text for name, text in files.items()}}
    )
    url = f"http://127.0.0.1:{server.port}"
    tokens = read_tokens(LocalHost(), f"{server.directory}/api_tokens.yml")

    instance = Instance(str(server.directory), process=holder_of(server.port))

    async def look() -> Endpoint:
        host = LocalHost()
        try:
            address = Address(url, url[7:], "the test")
            return await endpoint(host, address, tokens, instance)
        finally:
            await host.close()

    return Tabby(server, asyncio.run(look()), instance)


@pytest.fixture(scope="module")
def tabby(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tabby]:
    one = started(tmp_path_factory.mktemp("tabby"))
    with one.server:
        yield one


@pytest.fixture(scope="module")
def without_auth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tabby]:
    one = started(tmp_path_factory.mktemp("open"), config="network:\n  disable_auth: true\n")
    with one.server:
        yield one


def ask(tabby: Tabby, *urls: str, blind: bool = False) -> RouterWitness:
    """What the witness says of routers at these URLs; `blind`: TabbyAPI's log is not seen."""
    site = RouterSite(None, "unknown", urls=urls, pids=frozenset({1}))

    async def once() -> RouterWitness:
        host = LocalHost()
        try:
            instance = None if blind else tabby.instance
            return await router_witness(host, site, tabby.endpoint, instance, MACHINE)
        finally:
            await host.close()

    return asyncio.run(once())


ROWS: list[tuple[str, Verdict]] = [
    ("passthrough", "handed on"),
    ("none", "none sent"),
    ("wrong", "wrong sent"),
    ("caller-wins", "caller wins"),
    ("keyed", "keyed"),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("policy", "verdict"), ROWS)
def test_each_row_of_the_table(tabby: Tabby, policy: str, verdict: str, shape: str) -> None:
    relay = Relay(tabby.url, policy, shape, API_KEY)
    with relaying(relay) as url:
        seen = ask(tabby, url)
    assert seen.verdict == verdict
    assert seen.url == f"{url}/v1/models"
    assert API_KEY not in repr(seen)


@pytest.mark.parametrize("policy", [policy for policy, _ in ROWS])
def test_it_sends_two_requests_and_no_real_key(tabby: Tabby, policy: str) -> None:
    relay = Relay(tabby.url, policy, key=API_KEY)
    with relaying(relay) as url:
        ask(tabby, url)
    assert {(method, path) for method, path, _ in relay.received} == {("GET", "/v1/models")}
    sent = {authorization for _, _, authorization in relay.received}
    assert sent == {None, "Bearer tabbydoctor-wrong-key"}
    assert len(relay.received) == 2


@pytest.mark.parametrize("answer", OWN)
def test_the_router_s_own_answer_proves_nothing(tabby: Tabby, answer: str) -> None:
    with relaying(Relay(tabby.url, answer)) as url:
        seen = ask(tabby, url)
    assert seen.verdict == "nothing"
    assert seen.why
    assert not any("TabbyAPI's" in words for words in seen.told)


@pytest.mark.parametrize("policy", ["passthrough", "wrong"])
def test_without_a_log_the_words_decide(tabby: Tabby, policy: str) -> None:
    with relaying(Relay(tabby.url, policy)) as url:
        assert ask(tabby, url, blind=True).proves_fault


def test_another_tabbyapi_behind_the_router_proves_nothing_of_this_one(
    tabby: Tabby, tmp_path: Path
) -> None:
    other = started(tmp_path)
    with other.server, relaying(Relay(other.url, "passthrough")) as url:
        assert ask(tabby, url).verdict == "nothing"


def test_of_several_sockets_the_one_that_tells_counts(tabby: Tabby) -> None:
    with (
        relaying(Relay(tabby.url, "a page")) as metrics,
        relaying(Relay(tabby.url, "none")) as url,
    ):
        assert ask(tabby, metrics, url).url == f"{url}/v1/models"


def test_with_auth_off_nothing_follows(without_auth: Tabby) -> None:
    relay = Relay(without_auth.url, "none")
    with relaying(relay) as url, pytest.raises(Absent, match="asks for no key"):
        ask(without_auth, url)
    assert not relay.received


def test_nothing_follows_while_tabbyapi_does_not_answer(tabby: Tabby) -> None:
    down = replace(tabby, endpoint=replace(tabby.endpoint, reached=False))
    relay = Relay(tabby.url, "none")
    with relaying(relay) as url, pytest.raises(Absent, match="does not answer"):
        ask(down, url)
    assert not relay.received


def test_tabbyapi_itself_is_no_router(tabby: Tabby) -> None:
    with pytest.raises(Unknown):
        ask(tabby, tabby.url)


def test_a_list_counts_only_where_it_is_tabbyapi_s(tabby: Tabby) -> None:
    mine = (
        b'{"object":"list","data":[{"id":"m","object":"model","created":1,"owned_by":"tabbyAPI"}]}'
    )
    own = HttpAnswer("", status=200, body=mine)
    asked = replace(tabby.endpoint, answers={("/v1/models", "api_key"): own})
    later = replace(own, body=mine.replace(b'"created":1', b'"created":2'))
    assert said_by(later, asked) == "accepted"
    for other in (b"tabbyAPI", b'"m"'):
        stranger = replace(own, body=mine.replace(other, other[:2] + b"x" + other[2:]))
        assert said_by(stranger, asked) == "own"
    both = replace(own, body=mine.replace(b'"data":[', b'"data":[{"id":"another"},'))
    assert said_by(both, asked) == "own"
    assert said_by(own, replace(asked, answers={})) == "own"


def test_what_the_doctor_asks_through_a_router_is_told_apart_in_the_log(tabby: Tabby) -> None:
    from tabbydoctor.routers.announced import of_others
    from tabbydoctor.tabbyapi.log import LogLine

    with relaying(Relay(tabby.url, "none")) as url:
        ask(tabby, url)
    lines = [LogLine(line) for line in tabby.server.log.splitlines()]
    assert any('"GET /v1/models HTTP' in line.text for line in lines)
    assert not [line for line in of_others(lines) if "/v1/models" in line.text]
    tabby.server.request("/v1/models")
    lines = [LogLine(line) for line in tabby.server.log.splitlines()]
    assert len([line for line in of_others(lines) if "/v1/models" in line.text]) == 1
