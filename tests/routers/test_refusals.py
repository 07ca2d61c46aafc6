"""Whose requests TabbyAPI refused, by its log and real sockets; what the doctor asked itself."""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabbydoctor.demo import standin
from tabbydoctor.deployment.parts import Connections, RouterSite
from tabbydoctor.facts import Absent
from tabbydoctor.host.data import Connection
from tabbydoctor.host.local import LocalHost
from tabbydoctor.routers.announced import between, of_others
from tabbydoctor.routers.refusals import RouterRefusals, router_refusals
from tabbydoctor.tabbyapi.log import LogLine, RunLog
from tabbydoctor.tabbyapi.probes import Address
from tests.contract.server import API_KEY, TOKENS, Program, Server, bearer
from tests.scratch_host import ScratchHost

MINE = RouterSite(None, "unknown", pids=frozenset({os.getpid()}))


@pytest.fixture(scope="module")
def tabby(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("tabby")
    checkout = directory / "checkout"
    checkout.mkdir()
    standin.install(checkout)
    program = Program("standin", sys.executable, checkout / "main.py")
    with Server(program, directory / "server") as server:
        yield server.start({"api_tokens.yml": TOKENS})


@pytest.fixture
def connection(tabby: Server) -> Iterator[http.client.HTTPConnection]:
    """A router's connection, which is kept."""
    one = http.client.HTTPConnection("127.0.0.1", tabby.port, timeout=10)
    yield one
    one.close()


def ask(
    connection: http.client.HTTPConnection, path: str, key: str = "", method: str = "GET"
) -> None:
    connection.request(method, path, headers=bearer(key) if key else {})
    connection.getresponse().read()


def look(tabby: Server, site: RouterSite = MINE, **more: bool) -> RouterRefusals:
    """Compare the log as it is now with the sockets of this very machine."""
    url = f"http://127.0.0.1:{tabby.port}"
    lines = tuple(LogLine(text) for text in tabby.log.splitlines())
    made = Connections(tuple(LocalHost().connections()))
    return router_refusals(
        ScratchHost(), site, Address(url, url[7:], "test"), made, RunLog("log", lines, **more)
    )


def test_a_refused_request_of_the_router_s_own_socket(
    tabby: Server, connection: http.client.HTTPConnection
) -> None:
    ask(connection, "/v1/models")
    host, port = connection.sock.getsockname()
    (refusal,) = look(tabby).found
    assert (refusal.client, refusal.pid) == (f"{host}:{port}", os.getpid())
    assert refusal.path == "/v1/models"


def test_of_a_socket_the_last_request_counts(
    tabby: Server, connection: http.client.HTTPConnection
) -> None:
    ask(connection, "/v1/models")
    ask(connection, "/v1/models", API_KEY)
    assert not look(tabby).found
    ask(connection, "/v1/model", "another-key")
    assert [one.path for one in look(tabby).found] == ["/v1/model"]


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/v1/models?probe=tabbydoctor", "GET"),
        ("/v1/chat/completions", "POST"),
        ("/health", "GET"),
        ("/v1/nowhere", "GET"),
    ],
)
def test_other_requests_are_no_health_check(
    tabby: Server, connection: http.client.HTTPConnection, path: str, method: str
) -> None:
    ask(connection, path, method=method)
    assert not look(tabby).found


def test_somebody_else_s_socket_is_not_the_router_s(
    tabby: Server, connection: http.client.HTTPConnection
) -> None:
    ask(connection, "/v1/models")
    assert not look(tabby, RouterSite(None, "unknown", pids=frozenset({1}))).found
    assert look(tabby).found
    connection.close()
    assert not look(tabby).found


def test_of_a_log_with_a_gap_only_the_end_counts() -> None:
    client = Connection(("127.0.0.1", 41000), ("127.0.0.1", 5000), os.getpid())
    old = LogLine('INFO: 127.0.0.1:41000 - "GET /v1/models HTTP/1.1" 401')
    later = [LogLine('INFO: 127.0.0.1:9 - "GET /health HTTP/1.1" 200')] * 500

    def found(complete: bool) -> int:
        log = RunLog("log", (old, *later), complete)
        where = Address("http://127.0.0.1:5000", "127.0.0.1:5000", "test")
        return len(router_refusals(ScratchHost(), MINE, where, Connections((client,)), log).found)

    assert (found(True), found(False)) == (1, 0)


def test_a_run_that_is_over_proves_nothing(tabby: Server) -> None:
    with pytest.raises(Absent, match="not running"):
        look(tabby, present=False)


REFUSED = '127.0.0.1:4 - "GET /v1/models HTTP/1.1" 401'
MARK = '127.0.0.1:5 - "GET /health?probe=tabbydoctor-{}-{} HTTP/1.1" 200'


@given(st.lists(st.sampled_from(["asked", "begin", "end", "marked"]), max_size=30), st.data())
def test_what_stands_in_an_announced_stretch_is_nobody_s(
    words: list[str], data: st.DataObject
) -> None:
    """Whatever the order, a line counts exactly where every stretch that was begun has ended."""
    tokens = ["aaaaaa", "bbbbbb"]
    open_now: set[str] = set()
    lines: list[LogLine] = []
    expected = []
    for number, word in enumerate(words):
        if word == "asked":
            line = LogLine(f"{number} {REFUSED}")
            expected += [] if open_now else [line]
        elif word == "marked":
            line = LogLine(f"{number} {REFUSED.replace('models', 'models?probe=tabbydoctor')}")
        else:
            token = data.draw(st.sampled_from(tokens))
            line = LogLine(MARK.format(word, token))
            open_now = open_now | {token} if word == "begin" else open_now - {token}
        lines.append(line)
    assert list(of_others(lines)) == expected


def test_a_stretch_without_an_end_is_over_after_a_minute() -> None:
    begin = LogLine(MARK.format("begin", "aaaaaa"), 100.0)
    during, after = LogLine(REFUSED, 130.0), LogLine(REFUSED, 161.0)
    assert list(of_others([begin, during, after])) == [after]
    assert between([begin, during], "aaaaaa") is None
    end = LogLine(MARK.format("end", "aaaaaa"), 140.0)
    assert between([begin, during, end, after], "aaaaaa") == [during]


def test_connections_are_seen_from_both_ends(
    tabby: Server, connection: http.client.HTTPConnection
) -> None:
    connection.connect()
    every = Connections(tuple(LocalHost().connections())).made_to(tabby.port)
    own = [one for one in every if one.local == connection.sock.getsockname()]
    assert [one.pid for one in own] == [os.getpid()]


def test_an_ipv4_client_of_an_ipv6_socket_is_shown_as_such(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            with accepted:
                found = LocalHost().connections()
                ends = {one.local for one in found if port in (one.local[1], one.remote[1])}
                assert ends == {client.getsockname(), ("127.0.0.1", port)}
