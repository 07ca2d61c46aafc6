"""Who holds the far end of a connection, of sockets of this very process."""

from __future__ import annotations

import asyncio
import os
import socket
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabbydoctor.host import Admission, HttpAnswer, Peer, peers
from tabbydoctor.host.http import HttpDoor
from tests.host.servers import answers, listening

_WHATEVER = Admission(lambda _: "", patience=0.0)


def ask(url: str, admission: Admission) -> HttpAnswer:
    async def once() -> HttpAnswer:
        door = HttpDoor()
        try:
            return await door.get(url, {"Authorization": "Bearer a-key"}, admission=admission)
        finally:
            await door.close()

    return asyncio.run(once())


def far_end(connected: socket.socket, admission: Admission = _WHATEVER) -> Peer:
    async def once() -> Peer:
        here, there = connected.getsockname()[:2], connected.getpeername()[:2]
        return await peers.Peers().of(here, there, admission)

    return asyncio.run(once())


@pytest.mark.parametrize(
    ("bound", "asked"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.2"),
        ("::1", "::1"),
        ("::", "::1"),
        ("::", "127.0.0.1"),
        ("::", "::ffff:127.0.0.1"),
        ("127.0.0.1", "::ffff:127.0.0.1"),
    ],
)
def test_the_accepted_socket_is_found(bound: str, asked: str) -> None:
    family = socket.AF_INET6 if ":" in bound else socket.AF_INET
    both = bound == "::"
    with (
        socket.create_server((bound, 0), family=family, dualstack_ipv6=both) as server,
        socket.create_connection((asked, server.getsockname()[1])) as client,
    ):
        waiting = far_end(client)
        assert (waiting.local, waiting.holders) == (True, ())  # nobody has accepted it
        accepted, _ = server.accept()
        with accepted:
            (line,) = far_end(client).holders
        assert [line[0].pid, line[1].pid] == [os.getpid(), os.getppid()]
        closed = far_end(client, Admission(lambda _: "", patience=60.0))
        assert closed.holders == ()  # and nobody is waited for


def test_a_listener_alone_is_no_far_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = server.getsockname()[:2]
        found = asyncio.run(peers.Peers().of(("127.0.0.1", 1), place, _WHATEVER))
    assert (found.local, found.holders) == (False, ())


@given(st.ip_addresses(), st.integers(0, 65535))
def test_the_kernels_way_to_write_a_place_can_be_read_back(address: object, port: int) -> None:
    for shape in peers._shapes((str(address), port)):
        host, read = peers._place(shape)
        assert (ip_address(host), read) == (ip_address(peers._bare(str(address))), port)


def test_nothing_is_sent_to_who_is_not_admitted() -> None:
    for scheme in ("http", "https"):
        with listening(answers("200 OK")) as server:
            url = server.url.replace("http", scheme)
            answer = ask(url, Admission(lambda _: "it is a stranger"))
        assert (answer.status, answer.error) == (None, "withheld")
        assert answer.detail == "it is a stranger"
        assert not any(server.received)  # no request, no TLS greeting


def test_every_request_is_admitted_by_itself() -> None:
    seen: list[Peer] = []

    def first_only(peer: Peer) -> str:
        seen.append(peer)
        return "" if len(seen) == 1 else "no more"

    async def twice() -> list[str | None]:
        door = HttpDoor()
        try:
            asked = [
                await door.get(server.url, {}, admission=Admission(first_only)) for _ in range(2)
            ]
            return [answer.error for answer in asked]
        finally:
            await door.close()

    def keeps(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        connection.recv(1)

    with listening(keeps) as server:
        assert asyncio.run(twice()) == [None, "withheld"]
    assert [peer.holders[0][0].pid for peer in seen] == [os.getpid()] * 2
    assert len([one for one in server.received if one]) == 1


def test_one_that_accepts_nothing_is_judged_as_that() -> None:
    seen: list[Peer] = []

    def note(peer: Peer) -> str:
        seen.append(peer)
        return "nobody"

    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert ask(url, Admission(note, patience=0.01)).error == "withheld"
    assert (seen[0].local, seen[0].holders) == (True, ())


def test_those_who_ask_at_once_share_one_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    read = peers._text
    readings: list[str] = []

    def noted(path: str) -> str:
        readings.append(path)
        return read(path)

    monkeypatch.setattr(peers, "_text", noted)
    with socket.create_server(("127.0.0.1", 0)) as server:
        clients = [socket.create_connection(server.getsockname()) for _ in range(8)]
        accepted = [server.accept()[0] for _ in clients]

        async def all_of_them() -> list[Peer]:
            looking = peers.Peers()
            each = [(one.getsockname(), one.getpeername()) for one in clients]
            return await asyncio.gather(*(looking.of(*ends, _WHATEVER) for ends in each))

        found = asyncio.run(all_of_them())
        for one in (*clients, *accepted):
            one.close()
    assert {peer.holders[0][0].pid for peer in found} == {os.getpid()}
    assert readings == ["/proc/net/tcp"]


def test_a_process_of_this_network_namespace_has_no_inner_listeners() -> None:
    assert peers.inner_listeners(os.getpid()) == ()
