"""API007, API008, API009: healthy, with a model, for what the router sends."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from checks.endpoint.inline_admin import inline_admin
from checks.endpoint.no_model import no_model
from checks.endpoint.unhealthy import unhealthy
from tabbydoctor.api import Severity, Unknown
from tabbydoctor.demo import standin
from tabbydoctor.demo.standin.release import Release
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.routers import Call, RouterReading
from tabbydoctor.tabbyapi.log import LogLine, RunLog
from tabbydoctor.tabbyapi.probes import Address
from tests.checks.endpoint.conftest import Seen, Start, look, probe
from tests.contract.server import ADMIN_KEY, TOKENS, Program, Server, bearer
from tests.host.servers import answers, listening, routes

INLINE = "model: {model_name: tiny, inline_model_loading: true}\n"
KEYED = Call(12, "forward", "POST", "/v1/chat/completions", True, "api_tokens.yml api_key")


def router(*calls: Call, admin: tuple[int, ...] = ()) -> RouterReading:
    return RouterReading("/opt/router.py", "python", calls=calls, uses_admin_key=admin)


def test_a_healthy_server_is_healthy_and_has_its_model(healthy: Seen) -> None:
    assert not list(unhealthy.judge(healthy.endpoint, None))
    assert not list(no_model.judge(healthy.endpoint, healthy.config, None))
    assert not list(inline_admin.judge(healthy.config, router(KEYED)))


def test_unhealthy_with_its_issues(start: Start) -> None:
    seen = look(start(env={"STANDIN_UNHEALTHY": "RuntimeError: CUDA out of memory"}))
    (finding,) = unhealthy.judge(seen.endpoint, None)
    assert finding.title == "TabbyAPI reports itself unhealthy: 1 issue since its start"
    assert finding.evidence[1].actual == "RuntimeError: CUDA out of memory"
    assert "until it is restarted" in finding.detail


def test_a_server_without_health_is_unknown() -> None:
    info = answers("200 OK", b'{"software":{"name":"TabbyAPI"}}')
    with listening(routes({"/.well-known/serviceinfo": info})) as server:
        found = probe(Address(server.url, "", "the test"))
    with pytest.raises(Unknown, match="August 2024"):
        list(unhealthy.judge(found, None))


def test_the_configured_model_was_unloaded(start: Start) -> None:
    server = start()
    assert server.request("/v1/model/unload", "POST", bearer(ADMIN_KEY)).status == 200
    seen = look(server)
    (finding,) = no_model.judge(seen.endpoint, seen.config, None)
    assert finding.title == "The configured model tiny is not loaded"
    assert finding.severity is None
    assert "config.yml:2" in finding.evidence[1].source


@pytest.mark.parametrize("release", ["current", "2025-01"])
def test_no_model_at_all_is_a_remark(tmp_path: Path, release: Release) -> None:
    standin.install(tmp_path / "checkout", release=release)
    program = Program("standin", sys.executable, tmp_path / "checkout" / "main.py")
    with Server(program, tmp_path / "server") as server:
        seen = look(server.start({"api_tokens.yml": TOKENS}))
    (finding,) = no_model.judge(seen.endpoint, seen.config, None)
    assert finding.severity is Severity.INFO


def test_without_a_key_the_model_is_unknown(start: Start) -> None:
    seen = look(start())
    found = probe(seen.endpoint.address, own=True)
    with pytest.raises(Unknown, match="no key that is at hand"):
        list(no_model.judge(found, seen.config, None))


def test_inline_loading_with_a_router_that_sends_the_api_key(start: Start) -> None:
    seen = look(start({"config.yml": INLINE}))
    (finding,) = inline_admin.judge(seen.config, router(KEYED))
    assert finding.evidence[1].source == "/opt/router.py:12"


@pytest.mark.parametrize(
    ("config", "reading"),
    [
        (INLINE, router()),
        (INLINE, router(Call(12, "forward", "POST", "", False))),
        (INLINE, router(Call(12, "probe", "GET", "/v1/models", True))),
        (INLINE, router(KEYED, admin=(3,))),
        (INLINE + "network: {disable_auth: true}\n", router(KEYED)),
    ],
)
def test_inline_loading_that_hurts_nobody(
    start: Start, config: str, reading: RouterReading
) -> None:
    seen = look(start({"config.yml": config}))
    assert not list(inline_admin.judge(seen.config, reading))


FAILING = {
    "/.well-known/serviceinfo": answers("200 OK", b'{"software":{"name":"TabbyAPI"}}'),
    "/health": answers("200 OK", b'{"status":"healthy","issues":[]}'),
}
WRONG = answers("500 Internal Server Error", b"Internal Server Error")


@pytest.mark.parametrize(
    ("failing", "named"),
    [
        (("/v1/models",), "GET /v1/models answered 500"),
        (("/v1/auth/permission",), "GET /v1/auth/permission answered 500"),
        (("/v1/auth/permission", "/v1/models"), " and "),
    ],
)
def test_a_route_that_ends_in_an_exception(failing: tuple[str, ...], named: str) -> None:
    with listening(routes({**FAILING, **dict.fromkeys(failing, WRONG)})) as server:
        found = probe(Address(server.url, "", "the test"))
    (finding,) = unhealthy.judge(found, Instance("/opt/tabby"))
    assert finding.title.startswith("TabbyAPI fails in its own code")
    assert named in finding.title
    assert {one.actual for one in finding.evidence} == {"500"}
    assert finding.remedies[0].commands[0] == "sudo -H git -C /opt/tabby pull --ff-only"


def test_the_exception_behind_its_request_is_shown() -> None:
    with listening(routes({**FAILING, "/v1/models": WRONG})) as server:
        found = probe(Address(server.url, "", "the test"))
    log = RunLog(
        "the log",
        tuple(
            LogLine(text)
            for text in (
                "ERROR:    KeyError: 'of another request'",
                'INFO:     127.0.0.1:1 - "GET /v1/models HTTP/1.1" 500',
                "ERROR:    Exception in ASGI application",
                "ERROR:    ValueError: The provided authentication key is missing.",
            )
        ),
        True,
    )
    (finding,) = unhealthy.judge(found, None, log)
    assert finding.evidence[-1].actual == (
        "ValueError: The provided authentication key is missing."
    )
    assert finding.remedies == ()
