"""`probe --through-router`: what comes back through the demo's router and through others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tabbydoctor.cli.app import run
from tabbydoctor.demo.deployment import DemoDeployment, RunningProgram, demo_deployment
from tests.contract.server import free_port
from tests.reports.documents import assert_valid
from tests.routers import relay

OWN = "the router itself"


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoDeployment]:
    with demo_deployment() as deployment:
        yield deployment


def place(demo: DemoDeployment, router: Path | None = None) -> list[str]:
    return ["--dir", str(demo.directory), "--url", demo.url, "--router", str(router or demo.router)]


def probe(
    demo: DemoDeployment,
    capsys: pytest.CaptureFixture[str],
    *arguments: str,
    router: Path | None = None,
) -> dict[str, Any]:
    """What is said of the router, in a document that its schema describes."""
    told = ["probe", "--through-router", *arguments, *place(demo, router)]
    assert run([*told, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert_valid(document, "probe")
    through: dict[str, Any] = document["through_router"]
    assert run(told) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    for row in through["rows"]:
        assert row["by"] in text
        assert row["request"] in text
    return through


def told(through: dict[str, Any]) -> list[tuple[str, str, int | None, str]]:
    return [
        (row["request"], row["credential"], row["status"], row["by"]) for row in through["rows"]
    ]


GETS = [
    ("GET /v1/models", "none", 404, OWN),
    ("GET /v1/models", "wrong", 404, OWN),
    ("GET /health", "none", 200, OWN),
]


def test_the_demos_router_before_and_after_its_repair(
    demo: DemoDeployment, capsys: pytest.CaptureFixture[str]
) -> None:
    faulty = probe(demo, capsys, "--send")
    post = ("POST /v1/chat/completions", "none")
    assert told(faulty) == [*GETS, (*post, 401, "TabbyAPI")]
    assert (faulty["verdict"], faulty["finding"]) == ("nothing", "RTR002")
    assert probe(demo, capsys)["finding"] is None, "GETs alone do not show it"
    state = ["--state-dir", str(demo.state)]
    run(["fix", "--auth", "--yes", "--strategy", "router-tokens", *place(demo), *state])
    capsys.readouterr()
    demo.router_program.restart()
    try:
        mended = probe(demo, capsys, "--send")
        assert mended["finding"] is None
        assert not any(row["by"] == "TabbyAPI" and row["status"] == 401 for row in mended["rows"])
        assert mended["rows"][-1]["request"] == "POST /v1/chat/completions"
    finally:
        assert run(["undo", *state]) == 0
        demo.router_program.restart()


@pytest.fixture
def relayed(demo: DemoDeployment, tmp_path: Path) -> Iterator[Any]:
    """Starts a router of a policy; gives its file and what it records."""
    running: list[RunningProgram] = []

    def start(policy: str, **more: str) -> tuple[Path, Path]:
        source, record = tmp_path / "relay.py", tmp_path / "record"
        source.write_text(Path(relay.__file__).read_text())
        port = free_port()
        environment = {"UPSTREAM": demo.url, "PORT": str(port), "POLICY": policy, **more}
        program = RunningProgram("relay.py", tmp_path, f"http://127.0.0.1:{port}/health")
        program.start({**environment, "RECORD": str(record)})
        running.append(program)
        return source, record

    yield start
    for one in running:
        one.stop()


@pytest.mark.parametrize(
    ("policy", "by", "verdict", "finding"),
    [
        ("passthrough", "TabbyAPI", "handed on", "RTR002"),
        ("none", "TabbyAPI", "none sent", "RTR002"),
        ("wrong", "TabbyAPI", "wrong sent", "RTR005"),
        ("caller-wins", "TabbyAPI", "caller wins", "RTR002"),
        ("keyed", "TabbyAPI", "keyed", None),
        ("an empty table of its own", OWN, "nothing", None),
    ],
)
def test_the_contracts_table(
    demo: DemoDeployment,
    capsys: pytest.CaptureFixture[str],
    relayed: Any,
    policy: str,
    by: str,
    verdict: str,
    finding: str | None,
) -> None:
    key = (demo.directory / "api_tokens.yml").read_text().split()[1]
    source, record = relayed(policy, KEY=key)
    through = probe(demo, capsys, router=source)
    assert [row["by"] for row in through["rows"][:2]] == [by, by]
    assert (through["verdict"], through["finding"]) == (verdict, finding)
    asked = [json.loads(line) for line in record.read_text().splitlines()]
    assert {method for method, *_ in asked} == {"GET"}, "nothing is posted without --send"
    assert not any(key in (sent or "") for *_, sent in asked)


def test_one_completion_that_no_model_serves(
    demo: DemoDeployment, capsys: pytest.CaptureFixture[str], relayed: Any
) -> None:
    source, record = relayed("none")
    before = record.read_text().count("POST") if record.exists() else 0
    assert run(["probe", "--through-router", "--send", *place(demo, source)]) == 0
    assert record.read_text().count("POST") == before + 1
    assert "RTR002" in capsys.readouterr().out


def test_without_authentication_nothing_follows(
    demo: DemoDeployment, capsys: pytest.CaptureFixture[str], relayed: Any
) -> None:
    config = demo.directory / "config.yml"
    before = config.read_text()
    config.write_text(before.replace("network:", "network:\n  disable_auth: true"))
    source, _ = relayed("none")
    demo.tabbyapi.restart()
    try:
        through = probe(demo, capsys, "--send", router=source)
    finally:
        config.write_text(before)
        demo.tabbyapi.restart()
    assert (through["verdict"], through["finding"]) == ("nothing", None)
    assert through["means"].startswith("TabbyAPI asks for no key")
    assert not any("took the key" in row["means"] for row in through["rows"])
    assert {row["by"] for row in through["rows"][:2]} == {"TabbyAPI"}


def test_tabbyapi_down(demo: DemoDeployment, capsys: pytest.CaptureFixture[str]) -> None:
    demo.tabbyapi.stop()
    try:
        through = probe(demo, capsys)
    finally:
        demo.tabbyapi.start()
    assert told(through)[:2] == GETS[:2]
    assert through["means"].startswith("TabbyAPI was not seen to answer")


def test_a_router_that_is_down_or_not_there(
    demo: DemoDeployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    router = tmp_path / "router.py"
    router.write_text(demo.router.read_text())
    assert run(["probe", "--through-router", *place(demo, router)]) == 2
    assert "the router is not running" in capsys.readouterr().err
    assert run(["probe", "--through-router", "--router", str(tmp_path / "none.py")]) == 2
    assert capsys.readouterr().err.startswith("tabbydoctor: ")


def test_send_goes_with_the_router(
    demo: DemoDeployment, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["probe", "--send", *place(demo)]) == 2
    assert "--send goes with --through-router" in capsys.readouterr().err
