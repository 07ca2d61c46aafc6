"""A repair that makes another finding appear, or worse, is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tabbydoctor import plugins
from tabbydoctor.cli.app import run
from tabbydoctor.demo.deployment import DemoDeployment, demo_deployment
from tabbydoctor.diagnosis.finding import Finding, Severity
from tabbydoctor.diagnosis.report import CheckResult, Status
from tabbydoctor.fixing.standing import FaultsStanding, worse

CHECKS = {check.id: check for check in plugins.checks()}


def stood(**statuses: Status) -> FaultsStanding:
    """What some checks said."""
    severities = {"failed": Severity.ERROR, "warning": Severity.WARNING, "info": Severity.INFO}
    results = {}
    for id, status in statuses.items():
        grave = severities.get(status)
        told = (Finding(f"{id} it is", severity=grave),) if grave else ()
        results[id] = CheckResult(CHECKS[id], status, findings=told)
    return results


def brought(
    before: FaultsStanding,
    after: FaultsStanding,
    *asked: str,
    answered: bool = True,
    live: bool = True,
) -> list[str]:
    return list(worse(before, after, asked, answered=answered, live=live))


@pytest.mark.parametrize(
    ("was", "now", "bad"),
    [
        ("passed", "failed", True),
        ("passed", "warning", True),
        ("info", "warning", True),
        ("warning", "failed", True),
        ("passed", "info", False),
        ("failed", "failed", False),
        ("failed", "warning", False),
        ("skipped", "failed", False),
        ("unknown", "warning", False),
        ("passed", "unknown", False),
    ],
)
def test_what_was_not_there_or_is_graver(was: Status, now: Status, bad: bool) -> None:
    found = brought(stood(CFG010=was), stood(CFG010=now), "CFG003")
    assert found == (["the repair brings CFG010: CFG010 it is"] if bad else [])


def test_what_the_repair_is_about_is_judged_elsewhere() -> None:
    assert brought(stood(CFG003="passed"), stood(CFG003="warning"), "CFG003") == []


def test_what_a_stopped_server_hid_was_there_before() -> None:
    before, after = stood(API007="passed", CFG010="passed"), stood(API007="failed", CFG010="failed")
    assert len(brought(before, after)) == 2
    (left,) = brought(before, after, answered=False)
    assert "CFG010" in left


def test_a_restart_that_is_left_to_do_disproves_nothing() -> None:
    before, after = stood(SVC010="passed"), stood(SVC010="warning")
    assert len(brought(before, after)) == 1
    assert brought(before, after, live=False) == []


def test_one_more_of_the_same_in_a_file_is_worse() -> None:
    before, after = stood(CFG010="warning"), stood(CFG010="warning")
    more = CheckResult(CHECKS["CFG010"], "warning", findings=after["CFG010"].findings * 2)
    assert len(brought(before, {"CFG010": more})) == 1


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoDeployment]:
    with demo_deployment() as deployment:
        yield deployment


@pytest.mark.parametrize(
    ("text", "brings"),
    [
        ("inline_model_loading: true\nmodel: {cache_mode: Q6}\n", "CFG015"),
        ("max_seq_len: 32768\nmodel: {cache_size: 16384}\n", "CFG015"),
        ("model: {max_seq_lenn: 32768, cache_size: 16384}\n", "CFG015"),
    ],
)
def test_a_repair_is_taken_back(
    demo: DemoDeployment, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, brings: str
) -> None:
    config = demo.directory / "config.yml"
    own = config.read_bytes()
    network = own.decode().partition("model:")[0]
    config.write_text(f"{network}{text}")
    try:
        given = ["--dir", str(demo.directory), "--url", demo.url, "--state-dir", str(tmp_path)]
        code = run(["fix", "CFG003", "--yes", "--format", "json", *given])
        done: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert (code, done["rolled_back"], done["applied"]) == (3, True, False)
        assert any(line.startswith(f"the repair brings {brings}: ") for line in done["seen"])
        assert config.read_text() == f"{network}{text}"
    finally:
        config.write_bytes(own)
