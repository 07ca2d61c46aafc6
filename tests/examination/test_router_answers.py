"""Who answered a request through the router: TabbyAPI, or the router itself."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tabbydoctor.deployment.parts import ProcessTable, RouterSite
from tabbydoctor.examination.router_answers import NOBODY, witness
from tabbydoctor.facts import Absent, Facts
from tabbydoctor.host import HttpAnswer, Listener, Process
from tabbydoctor.host.local import LocalHost
from tabbydoctor.remedies.outcome import UNSEEN, Proof, SeenAnswer, Witness
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.site.health import RouterHealth
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.log import LogLine, RunLog
from tabbydoctor.tabbyapi.probes import Address, Endpoint

ASKED: list[dict[str, object]] = []


@contextmanager
def router(status: int, body: str) -> Iterator[int]:
    """A router that answers every completion so; the port it listens on."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            ASKED.append({"path": self.path, **json.loads(self.rfile.read(length))})
            self.send_response(status)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def seen(status: int, body: str, *logged: str) -> SeenAnswer:
    """What is told of an answer, where TabbyAPI's log got some lines meanwhile."""
    lines = tuple(LogLine(text, time=4e9) for text in logged)

    def run_log(host: LocalHost) -> RunLog:
        return RunLog("journalctl", lines)

    async def asked(port: int) -> Witness:
        host = LocalHost()
        facts = Facts((), ())
        process = Process(os.getpid(), ("router",))
        site = RouterSite("/opt/router.py", "python", process=process)
        facts.provide(RouterSite, site)
        facts.provide(RouterReading, RouterReading("/opt/router.py", "python"))
        table = ProcessTable((process,), (Listener("127.0.0.1", port, os.getpid()),))
        facts.provide(ProcessTable, table)
        url = f"http://127.0.0.1:{port}"
        facts.provide(RouterHealth, RouterHealth(url, HttpAnswer(url, status=200), True))
        loaded = HttpAnswer(url, status=200, body=b'{"id": "Big-exl3"}')
        address = Address(url, "127.0.0.1:5000", "a test")
        answers = {("/v1/model", "api_key"): loaded}
        facts.provide(Endpoint, Endpoint(address, True, "tabbyapi", loaded, answers))  # type: ignore[arg-type]
        facts.provide(EffectiveConfig, EffectiveConfig("/srv/tabby", {}))
        facts.provide(LocalHost, host)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tabbydoctor.examination.router_answers.run_log", run_log)
            return await witness(facts, host)

    with router(status, body) as port:
        found = asyncio.run(asked(port)).request
    assert found is not None
    assert found.status == status
    return found


ACCESS = '2026-11-27 03:32:14.328 INFO:     127.0.0.1:49500 - "POST /v1/chat/completions HTTP/1.1"'


@pytest.mark.parametrize(
    ("status", "body", "refused"),
    [
        (401, '{"detail":"Please provide an API key"}', True),
        (401, '{"detail":"Invalid API key"}', True),
        (502, '{"error": "backend said: Invalid API key"}', True),
        (200, 'data: {"error": "Please provide an API key"}\n\n', True),
        (503, '{"detail":"No models are currently loaded."}', False),
        (401, "Unable to switch model to X because an admin key isn't provided", False),
        (200, '{"object": "chat.completion", "model": "Big-exl3", "choices": []}', False),
    ],
)
def test_tabbyapis_own_words(status: int, body: str, refused: bool) -> None:
    found = seen(status, body)
    assert (found.by, found.auth_error) == ("TabbyAPI", refused)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, '{"detail":"Unknown model: ' + NOBODY + '"}'),
        (200, '{"error":"Model not found"}'),
        (401, '{"detail":"a key of the router\'s own is missing"}'),
        (404, '{"detail":"Not Found"}'),
        (200, '{"object": "chat.completion", "model": "another", "choices": []}'),
        (500, "Internal Server Error"),
    ],
)
def test_the_router_itself(status: int, body: str) -> None:
    found = seen(status, body)
    assert (found.by, found.auth_error) == ("the router itself", False)


@pytest.mark.parametrize(
    ("logged", "by", "refused"),
    [
        ([f"{ACCESS} 500"], "TabbyAPI", False),
        ([f"{ACCESS} 401"], "TabbyAPI", True),
        ([f"{ACCESS} 401", f"{ACCESS} 401"], "TabbyAPI", True),
        ([f"{ACCESS} 401", f"{ACCESS} 200"], "the router itself", False),
        ([ACCESS.replace("POST /v1/chat/completions", "GET /health") + " 200"],
         "the router itself", False),
    ],
)  # fmt: skip
def test_tabbyapis_log_tells_what_a_router_hides(logged: list[str], by: str, refused: bool) -> None:
    found = seen(500, "Internal Server Error", *logged)
    assert (found.by, found.auth_error) == (by, refused)


@pytest.mark.parametrize(
    ("logged", "accepted"),
    [(200, True), (500, True), (503, True), (401, False), (422, False), (404, False)],
)
def test_what_is_answered_before_the_key_is_looked_at_proves_nothing(
    logged: int, accepted: bool
) -> None:
    assert seen(502, "an error", f"{ACCESS} {logged}").accepted is accepted


def test_the_router_itself_accepts_no_key() -> None:
    assert not seen(200, '{"error":"Model not found"}').accepted


def test_what_is_asked_can_switch_no_model() -> None:
    ASKED.clear()
    seen(404, "")
    (asked,) = ASKED
    assert (asked["path"], asked["model"], asked["max_tokens"]) == (
        "/v1/chat/completions",
        NOBODY,
        1,
    )


def test_no_router_is_not_asked() -> None:
    async def asked() -> Witness:
        def nowhere() -> RouterSite:
            raise Absent("no router")

        facts = Facts((), (nowhere,))
        facts.provide(ProcessTable, ProcessTable((), ()))
        return await witness(facts, LocalHost())

    assert asyncio.run(asked()) == UNSEEN


def test_before_and_after_stand_beside_each_other() -> None:
    before = Witness(None, SeenAnswer(401, "TabbyAPI", "Please provide an API key"))
    after = Witness(SeenAnswer(200, "the router itself"), SeenAnswer(503, "TabbyAPI", "No models"))
    assert Proof(True, before=before, after=after).lines == (
        "the router's health: not asked -> 200 from the router itself",
        "a request through it: 401 from TabbyAPI (Please provide an API key) -> "
        "503 from TabbyAPI (No models)",
    )
