"""`fix` as one runs it, on the demo's deployment: no systemd, so restarts are left to a person."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tabbydoctor.cli.app import run
from tabbydoctor.demo.deployment import DemoDeployment, demo_deployment
from tabbydoctor.fixing.prepare import prepare
from tabbydoctor.host.local import LocalHost
from tabbydoctor.remedies.outcome import FixResult, Prepared, RefusedRemedy
from tabbydoctor.remedies.request import FixRequest
from tabbydoctor.repair.changes import Plan, Restart
from tabbydoctor.reports.repair_view import as_json, question
from tabbydoctor.targets import Targets


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoDeployment]:
    with demo_deployment() as deployment:
        yield deployment


def targets(demo: DemoDeployment) -> list[str]:
    router = ["--router", str(demo.router), "--state-dir", str(demo.state)]
    return ["--dir", str(demo.directory), "--url", demo.url, *router]


def fix(
    demo: DemoDeployment, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, dict[str, Any]]:
    code = run(["fix", *arguments, "--format", "json", *targets(demo)])
    text = capsys.readouterr()
    document: dict[str, Any] = json.loads(text.out)
    assert document["exit_code"] == code
    return code, document


def test_a_router_without_a_unit_is_proven_as_far_as_can_be_seen(
    demo: DemoDeployment, capsys: pytest.CaptureFixture[str]
) -> None:
    before = demo.router.read_bytes()
    code, done = fix(demo, capsys, "--auth", "--yes")
    assert (code, done["applied"], done["verified"], done["rolled_back"]) == (1, True, None, False)
    assert any("restart the router" in line for line in done["manual"])
    after = time.time() + 10  # than the router's start beyond doubt: it runs as it was
    os.utime(demo.router, (after, after))
    again, nothing = fix(demo, capsys, "--auth", "--yes")
    assert (again, nothing["changes"]) == (1, [])  # the restart is still left to a person
    assert any("restart" in line for line in nothing["manual"])
    run(["history", "--format", "json", *targets(demo)])
    listed = json.loads(capsys.readouterr().out)["history"]
    assert [one["id"] for one in listed] == [done["change"]]
    assert run(["undo", *targets(demo)]) == 0
    assert demo.router.read_bytes() == before
    capsys.readouterr()
    assert run(["undo", *targets(demo)]) == 2
    assert "nothing to undo" in capsys.readouterr().err


def test_without_a_yes_the_plan_is_shown_and_nothing_done(
    demo: DemoDeployment, capsys: pytest.CaptureFixture[str]
) -> None:
    before = demo.router.read_bytes()
    assert run(["fix", "--auth", *targets(demo)]) == 1
    text = capsys.readouterr()
    assert "auth=_tabby_auth" in text.out
    assert "--yes" in text.err
    assert demo.router.read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--auth", "CFG003"],
        ["NOPE01"],
        ["--auth", "--strategy", "magic"],
        ["TOK004", "--strategy", "router-env"],
        ["--auth", "--ready-timeout", "0"],
    ],
)
def test_usage(
    demo: DemoDeployment, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fix", *arguments, *targets(demo)]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_router_that_cannot_be_edited_is_left_and_its_lines_are_shown(
    demo: DemoDeployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = tmp_path / "nginx.conf"
    gateway.write_text(f"location / {{ proxy_pass {demo.url}; }}\n")
    arguments = ["--dir", str(demo.directory), "--url", demo.url, "--router", str(gateway)]
    state = ["--state-dir", str(demo.state)]
    assert run(["fix", "--auth", "--yes", *arguments, *state]) == 1
    assert "proxy_set_header Authorization" in capsys.readouterr().out
    broken = tmp_path / "router.py"
    broken.write_text("import httpx\nasync def check_health(:\n")
    arguments[-1] = str(broken)
    assert run(["fix", "--auth", "--yes", *arguments, *state]) == 1
    text = capsys.readouterr().out
    assert "router.py:2" in text
    assert broken.read_text() == "import httpx\nasync def check_health(:\n"


def test_auth_off_is_refused_where_others_reach_it_and_the_loopback_is_offered(
    demo: DemoDeployment, capsys: pytest.CaptureFixture[str]
) -> None:
    config = demo.directory / "config.yml"
    before = config.read_text()
    config.write_text(before.replace("host: 127.0.0.1", "host: 0.0.0.0  # all"))
    arguments = ["--auth", "--strategy", "disable-auth"]
    code, refused = fix(demo, capsys, *arguments, "--yes")
    assert (code, refused["applied"], refused["changes"]) == (1, False, [])
    assert refused["manual"][0].startswith("disable-auth: TabbyAPI listens on 0.0.0.0")
    assert run(["fix", *arguments, "--yes", *targets(demo)]) == 1
    told = capsys.readouterr().out
    assert told.startswith("disable-auth is not ")
    assert "CFG004" not in told
    request = FixRequest("disable-auth", bind_loopback=True, auth=True)
    given = Targets(dir=str(demo.directory), url=demo.url, router=str(demo.router))
    prepared = prepare(LocalHost(), given, request)
    (change,) = prepared.plan.files
    assert change.after is not None
    text = change.after.content.decode()
    assert "host: 127.0.0.1  # all" in text
    assert "disable_auth: true" in text
    exposed, _ = fix(demo, capsys, *arguments, "--yes", "--allow-exposed", "--dry-run")
    assert exposed == 1
    config.write_text(before)


def test_auth_that_is_off_on_disk_alone_is_not_done(
    demo: DemoDeployment, capsys: pytest.CaptureFixture[str]
) -> None:
    config = demo.directory / "config.yml"
    before = config.read_text()
    config.write_text(before.replace("network:", "network:\n  disable_auth: true"))
    try:
        code, left = fix(demo, capsys, "--auth", "--strategy", "disable-auth", "--yes")
    finally:
        config.write_text(before)
    assert (code, left["changes"]) == (1, [])
    assert left["manual"] == ["restart TabbyAPI the way it was started: it runs under no unit"]


def test_an_id_without_a_fault_is_not_passed_over_in_silence(
    demo: DemoDeployment, capsys: pytest.CaptureFixture[str]
) -> None:
    code, done = fix(demo, capsys, "CFG002", "API008", "--yes")
    assert (code, done["changes"]) == (0, [])
    assert done["notes"] == ["CFG002: there is no such fault", "API008: it is only a remark"]


def test_the_document_holds_the_lines_that_the_text_has() -> None:
    refusal = RefusedRemedy("NIX003", "there is no automatic remedy", "a.b = 1;")
    prepared = Prepared(Plan(""), refusals=(refusal,))
    done = as_json(FixResult(prepared, 1))
    assert done["manual"] == ["NIX003: there is no automatic remedy\na.b = 1;"]


def test_the_plan_is_shown_before_it_is_applied(
    demo: DemoDeployment, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fix", "--auth", "--yes", *targets(demo)]) == 1
    text = capsys.readouterr().out
    assert 0 <= text.index("auth=_tabby_auth") < text.index("Plan: ") < text.index("Changed, but")
    assert run(["undo", *targets(demo)]) == 0


def test_the_restart_that_is_left_is_named() -> None:
    plan = Plan("", (), (Restart("llm-router.service", None), Restart("tabby.service", "ivan")))
    prepared = Prepared(plan, restart=False)
    assert prepared.restarts_left == (
        "sudo systemctl restart llm-router.service",
        "systemctl --user --machine=ivan@.host restart tabby.service",
    )
    assert question(prepared) == "Apply it?"
    prepared = replace(prepared, restart=True)
    assert prepared.restarts_left == ()
    assert question(prepared) == "Restart llm-router.service, tabby.service?"
