"""Probing: the table of a real server, and no key for anybody else."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tabbydoctor.demo import standin
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.host import Admission, HttpAnswer, Peer
from tabbydoctor.host.local import LocalHost
from tabbydoctor.tabbyapi import answers as reading
from tabbydoctor.tabbyapi.probes import CREDENTIALS, PATHS, Address, Credential, Endpoint
from tabbydoctor.tabbyapi.probing import PERMISSION, WRONG_KEY, endpoint, further_key
from tabbydoctor.tabbyapi.tokens import Tokens
from tests.contract.server import ADMIN_KEY, API_KEY, TOKENS, Program, Server
from tests.host.servers import (
    Behaviour,
    answers,
    drips,
    hangs,
    holder_of,
    listening,
    resets,
    routes,
    says,
    streams,
)

FILE = Tokens("/srv/api_tokens.yml", None, api_keys=(API_KEY,), admin_key=ADMIN_KEY)
INFO = b'{"version":0.1,"software":{"name":"TabbyAPI"}}'
UNKEYED = b'{"detail":"Please provide an API key"}'


class BlindHost(LocalHost):
    """As an account sees it that may not look at other accounts' processes."""

    def effective_uid(self) -> int:
        return 65534

    def _seen(self, peer: Peer) -> Peer:
        return dataclasses.replace(peer, holders=())

    async def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes | None = None,
        timeout: float = 3.0,
        limit: int = 64 << 10,
        admission: Admission | None = None,
    ) -> HttpAnswer:
        if admission:
            asked = admission.refusal
            admission = dataclasses.replace(admission, refusal=lambda peer: asked(self._seen(peer)))
        return await super().get(
            url,
            headers,
            method=method,
            body=body,
            timeout=timeout,
            limit=limit,
            admission=admission,
        )


class ForeignHost(BlindHost):
    """What answers is on another machine."""

    def _seen(self, peer: Peer) -> Peer:
        return dataclasses.replace(peer, local=False, holders=())


def at(url: str, *, trusted: bool = False) -> Address:
    return Address(url, "127.0.0.1:5000", "the test", trusted=trusted)


def own(port: int) -> Instance:
    """The TabbyAPI that listens on a port."""
    return Instance("/srv/tabby", process=holder_of(port))


def probe(
    address: Address,
    tokens: Tokens | None = FILE,
    instance: Instance | None = None,
    host: Callable[[], LocalHost] = LocalHost,
) -> Endpoint:
    async def once() -> Endpoint:
        door = host()
        try:
            return await endpoint(door, address, tokens, instance)
        finally:
            await door.close()

    return asyncio.run(once())


def column(found: Endpoint, credential: Credential) -> list[int | None]:
    answered = [found.answer(path, credential) for path in PATHS]
    return [answer.status if answer else None for answer in answered]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    directory = tmp_path_factory.mktemp("checkout")
    standin.install(directory)
    return Program("standin", sys.executable, directory / "main.py")


@pytest.fixture
def server(program: Program, tmp_path: Path) -> Iterator[Server]:
    with Server(program, tmp_path / "server") as made:
        yield made


def of(server: Server, tokens: Tokens | None = FILE) -> Endpoint:
    return probe(at(f"http://127.0.0.1:{server.port}"), tokens, own(server.port))


def test_the_table_of_a_server_with_keys(server: Server) -> None:
    found = of(server.start({"api_tokens.yml": TOKENS}))
    assert (found.reached, found.identity, found.withheld) == (True, "tabbyapi", "")
    assert found.enforces_auth is True
    assert {credential: column(found, credential) for credential in CREDENTIALS} == {
        "none": [200, 401, 401, 401],
        "wrong": [200, 401, 401, 401],
        "api_key": [200, 200, 200, 503],
        "admin_key": [200, 200, 200, 503],
    }
    assert reading.no_key_seen(found.answer(PERMISSION))
    assert reading.key_refused(found.answer(PERMISSION, "wrong"))
    assert reading.permission(found.answer(PERMISSION, "api_key")) == "api"
    assert reading.permission(found.answer(PERMISSION, "admin_key")) == "admin"
    assert reading.no_model(found.answer("/v1/model", "api_key"))


def test_every_request_is_marked_and_only_gets(server: Server) -> None:
    of(server.start({"api_tokens.yml": TOKENS}))
    requests = [line for line in server.log.splitlines() if "HTTP/1.1" in line]
    assert len(requests) == 1 + len(PATHS) * len(CREDENTIALS)
    assert all('"GET ' in line and "?probe=tabbydoctor HTTP" in line for line in requests)


def test_with_authentication_off(server: Server) -> None:
    found = of(server.start({"config.yml": "network: {disable_auth: true}\n"}), None)
    assert found.enforces_auth is False
    assert column(found, "none") == column(found, "wrong") == [200, 200, 200, 503]
    assert column(found, "api_key") == [None] * 4


def test_with_the_keys_of_another_file(server: Server) -> None:
    others = dataclasses.replace(FILE, api_keys=("another",), admin_key="quite another")
    found = of(server.start({"api_tokens.yml": TOKENS}), others)
    assert reading.accepted(reading.keyed(found, "api_key")) is False
    assert reading.accepted(reading.keyed(found, "admin_key")) is False


def test_the_first_keys_of_a_list(server: Server) -> None:
    keys = tuple(f"key-number-{number}" for number in range(1, 7))
    document = f"api_key: [{', '.join(keys[:2])}]\nadmin_key: {ADMIN_KEY}\n"
    listed = dataclasses.replace(FILE, api_keys=keys, is_list=True)
    found = of(server.start({"api_tokens.yml": document}), listed)
    asked = [found.answer(further_key(number), "api_key") for number in range(2, 7)]
    assert [answer.status if answer else None for answer in asked] == [200, 401, 401, None, None]


def test_a_key_that_cannot_be_sent(server: Server) -> None:
    found = of(
        server.start({"api_tokens.yml": TOKENS}), dataclasses.replace(FILE, api_keys=("clé",))
    )
    answer = found.answer(PERMISSION, "api_key")
    assert answer
    assert answer.error == "unsendable"
    assert reading.accepted(reading.keyed(found, "api_key")) is None


def test_a_server_of_january_2025(tmp_path: Path) -> None:
    standin.install(tmp_path / "old", release="2025-01")
    program = Program("old", sys.executable, tmp_path / "old" / "main.py")
    with Server(program, tmp_path / "server") as server:
        found = of(server.start({"api_tokens.yml": TOKENS}))
    assert column(found, "api_key") == [200, 200, 200, 400]
    assert reading.no_model(found.answer("/v1/model", "api_key"))


OLD = {  # before 2024-03-18: no serviceinfo, no /health, no /v1/auth/permission
    "/openapi.json": answers(
        "200 OK", b'{"openapi":"3.1.0","info":{"title":"TabbyAPI","description":"x"}}'
    ),
    "/v1/models": answers("401 Unauthorized", UNKEYED),
    "/v1/model": answers("401 Unauthorized", UNKEYED),
}


def test_an_old_server_of_our_own_process_is_told_by_it_and_gets_its_keys() -> None:
    with listening(routes(OLD)) as server:
        found = probe(at(server.url), instance=own(server.port))
    assert found.identity == "tabbyapi"
    assert found.enforces_auth is True
    assert column(found, "none") == [404, 404, 401, 401]
    assert server.saw(API_KEY)


def test_an_old_server_whose_process_is_unseen_is_recognised_but_gets_no_key() -> None:
    with listening(routes(OLD)) as server:
        found = probe(at(server.url), host=BlindHost)
    assert found.identity == "tabbyapi"
    assert "run as root" in found.withheld
    assert found.enforces_auth is True
    assert not server.saw("Bearer")


def never_a_key(behave: Behaviour, *, trusted: bool = False) -> Endpoint:
    with listening(behave) as stranger:
        address = at(stranger.url, trusted=trusted)
        found = probe(address, host=ForeignHost if trusted else BlindHost)
    assert not stranger.saw("Authorization")
    assert not stranger.saw(API_KEY)
    assert not stranger.saw(ADMIN_KEY)
    return found


LLAMA = answers("200 OK", b'{"status":"ok"}', "Server: llama.cpp")


@pytest.mark.parametrize(
    "behave",
    [
        LLAMA,
        answers("204 No Content"),
        answers("200 OK", b"{not json"),
        answers("200 OK", b'["TabbyAPI"]'),
        answers("200 OK", b'{"software":{"name":"tabbyapi"}}'),
        answers("500 Oops", INFO),
        answers("404 Not Found", INFO),
        answers("401 Unauthorized", UNKEYED),
        answers("200 OK", b"[" * 60_000),
        answers("200 OK", INFO.replace(b'"name"', b'"x":"' + b"y" * 70_000 + b'","name"')),
        streams,
    ],
)
def test_a_stranger_gets_no_key(behave: Behaviour) -> None:
    found = never_a_key(behave)
    assert found.reached
    assert found.identity != "tabbyapi"
    assert found.withheld


def test_a_stranger_is_asked_nothing_more_and_introduced() -> None:
    found = never_a_key(LLAMA)
    assert (found.identity, found.answers) == ("other", {})
    assert reading.introduction(found.serviceinfo) == "llama.cpp"


@pytest.mark.parametrize("status", ["502 Bad Gateway", "401 Unauthorized", "403 Forbidden"])
def test_behind_a_gate_nothing_is_told(status: str) -> None:
    assert never_a_key(answers(status)).identity == "unknown"


def test_a_redirect_leads_nowhere() -> None:
    with listening(answers("200 OK", INFO)) as elsewhere:
        found = never_a_key(answers("307 Go", b"", f"Location: {elsewhere.url}/x"))
    assert found.identity == "other"
    assert elsewhere.received == []


@pytest.mark.parametrize(
    ("behave", "error", "identity"),
    [
        (hangs, "timeout", "unknown"),
        (resets, "reset", "unknown"),
        (says(b"\x00\xff" * 100), "protocol", "other"),
    ],
)
def test_who_does_not_answer_is_asked_once(
    behave: Behaviour, error: str, identity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tabbydoctor.tabbyapi.meeting.TIMEOUT", 0.3)
    with listening(behave) as server:
        found = probe(at(server.url), instance=own(server.port))
    assert not found.reached
    assert (found.serviceinfo.error, found.identity) == (error, identity)
    assert len(server.received) == 1


def test_a_dripping_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tabbydoctor.tabbyapi.meeting.TIMEOUT", 0.3)
    assert never_a_key(drips).identity == "unknown"


def test_an_address_the_user_trusts_gets_the_api_key_although_nothing_names_it() -> None:
    with listening(answers("503 Service Unavailable")) as server:
        found = probe(at(server.url, trusted=True), host=ForeignHost)
    assert found.withheld == ""
    assert "on that machine" in found.admin_withheld
    assert not server.saw(ADMIN_KEY)
    assert server.saw(f"Bearer {API_KEY}")
    assert server.saw(f"Bearer {WRONG_KEY}")


def test_even_there_a_known_stranger_gets_none() -> None:
    assert never_a_key(LLAMA, trusted=True).identity == "other"


@pytest.mark.contract
@pytest.mark.skipif(
    not (os.environ.get("TABBYAPI_DIR") and os.environ.get("TABBYAPI_PYTHON")),
    reason="TABBYAPI_DIR and TABBYAPI_PYTHON name no real TabbyAPI",
)
def test_a_real_server_has_the_same_table(server: Server, tmp_path: Path) -> None:
    real = Program(
        "tabbyapi", os.environ["TABBYAPI_PYTHON"], Path(os.environ["TABBYAPI_DIR"], "main.py")
    )
    with Server(real, tmp_path / "real") as other:
        found = of(other.start({"api_tokens.yml": TOKENS}))
        same = of(server.start({"api_tokens.yml": TOKENS}))
    for credential in CREDENTIALS:
        assert column(found, credential) == column(same, credential)
    assert found.identity == same.identity == "tabbyapi"
