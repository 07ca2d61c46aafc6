"""`fix --auth` ends with 0 only where it is proven that there is nothing to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tabbydoctor.cli.app import run
from tabbydoctor.demo.deployment import DemoDeployment, demo_deployment


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoDeployment]:
    """TabbyAPI alone: its router is down, and nothing names it."""
    with demo_deployment() as deployment:
        deployment.router_program.stop()
        yield deployment


@pytest.fixture
def down(demo: DemoDeployment) -> Iterator[DemoDeployment]:
    demo.tabbyapi.stop()
    yield demo
    demo.tabbyapi.restart()


@pytest.fixture
def auth_off(demo: DemoDeployment) -> Iterator[DemoDeployment]:
    config = demo.directory / "config.yml"
    before = config.read_text()
    config.write_text(before.replace("network:", "network:\n  disable_auth: true"))
    yield demo
    config.write_text(before)


def fix(
    demo: DemoDeployment, capsys: pytest.CaptureFixture[str], *arguments: str, url: str = ""
) -> tuple[int, dict[str, Any]]:
    """The exit code, the same for the plan alone, and the document."""
    place = ["--dir", str(demo.directory), "--url", url or demo.url]
    whole = ["fix", "--auth", *arguments, *place, "--state-dir", str(demo.state)]
    planned = run([*whole, "--dry-run"])
    assert ("Nothing to do." in capsys.readouterr().out) is (planned == 0)
    code = run([*whole, "--yes", "--format", "json"])
    done: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (planned, done["exit_code"], done["changes"]) == (code, code, [])
    return code, done


@pytest.mark.parametrize("arguments", [[], ["--no-restart"]])
def test_tabbyapi_that_answers_and_has_no_router(
    demo: DemoDeployment, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    code, done = fix(demo, capsys, *arguments)
    assert (code, done["unproven"]) == (0, [])


@pytest.mark.parametrize("arguments", [[], ["--no-restart"]])
def test_tabbyapi_down(
    down: DemoDeployment, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    code, done = fix(down, capsys, *arguments)
    (why,) = done["unproven"]
    assert (code, done["verified"]) == (1, None)
    assert why.startswith(f"TabbyAPI does not answer at {down.url}, and a router is found by")
    assert why.endswith("or name the router with --router")


def test_something_else_answers(demo: DemoDeployment, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"http://127.0.0.1:{demo.backend.server_port}"
    code, done = fix(demo, capsys, url=url)
    (why,) = done["unproven"]
    assert code == 1
    assert why.startswith(f"what answers at {url} is not TabbyAPI")


def test_no_key_is_asked_for(
    auth_off: DemoDeployment, down: DemoDeployment, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fix(down, capsys)[0] == 0, "by its configuration"
    auth_off.tabbyapi.start()
    assert fix(auth_off, capsys)[0] == 0


@pytest.mark.parametrize("arguments", [[], ["--no-restart"]])
def test_a_router_that_was_not_read_to_its_end(
    demo: DemoDeployment, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    source = demo.directory.parent / "other.py"
    source.write_text(
        "import httpx, sys\n__import__(sys.argv[1]).serve(httpx.AsyncClient)\n"
        f'TABBY = "{demo.url}"\n'
    )
    code, done = fix(demo, capsys, "--router", str(source), *arguments)
    assert code == 1
    assert done["unproven"] or done["manual"]


def test_a_router_that_is_down_and_was_read_to_its_end(
    demo: DemoDeployment, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--dir", str(demo.directory), "--url", demo.url, "--router", str(demo.router)]
    wire = ["fix", "--auth", "--strategy", "router-tokens", "--yes"]
    demo.router_program.start()
    run([*wire, *place, "--state-dir", str(demo.state)])
    demo.router_program.stop()
    capsys.readouterr()
    code, done = fix(demo, capsys, "--router", str(demo.router))
    assert (code, done["unproven"]) == (0, [])
