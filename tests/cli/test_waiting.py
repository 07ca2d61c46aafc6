"""`--wait` and `--quiet`: how long is looked again, and when nothing is printed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tabbydoctor import plugins
from tabbydoctor.cli import check as check_command
from tabbydoctor.cli.app import run
from tabbydoctor.cli.waiting import may_pass, wait_until_well
from tabbydoctor.diagnosis.report import CheckResult, Report, Root, Status
from tabbydoctor.examination import NothingToExamine
from tabbydoctor.reports.formats import FORMATS
from tests.reports.formats.consumers import CONSUMERS
from tests.reports.reports import HEALTHY, fault, report

CHECKS = {check.id: check for check in plugins.checks()}


def failed(id: str, *, explains: tuple[str, ...] = ()) -> Report:
    found = [CheckResult(CHECKS[one], "failed", None, (fault("x"),)) for one in (id, *explains)]
    return report(*found, roots=(Root(id, explains, "x"),))


def untold(reason: str, status: Status = "unknown") -> Report:
    made = report(CheckResult(CHECKS["CFG001"], status, reason))
    return dataclasses.replace(made, fail_on="unknown", exit_code=1)


LOADING, BROKEN = failed("API001", explains=("RTR010",)), failed("CFG005", explains=("API001",))


class Looks:
    """What each look finds, and a clock that only sleeping moves."""

    def __init__(self, *found: Report | NothingToExamine) -> None:
        self.found: Iterator[Report | NothingToExamine] = iter(found)
        self.number = 0
        self.now = 0.0

    def look(self) -> Report:
        self.number += 1
        found = next(self.found)
        if isinstance(found, NothingToExamine):
            raise found
        return found

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def wait(self, seconds: float) -> Report:
        return wait_until_well(self.look, seconds, clock=lambda: self.now, sleep=self.sleep)


def test_it_ends_when_nothing_fails() -> None:
    looks = Looks(LOADING, LOADING, HEALTHY)
    assert looks.wait(100) is HEALTHY
    assert looks.number == 3


def test_it_ends_when_the_time_is_over_with_the_last_look() -> None:
    looks = Looks(*[LOADING] * 99)
    assert looks.wait(5) is LOADING
    assert looks.now == 5


def test_without_waiting_there_is_one_look() -> None:
    looks = Looks(LOADING)
    assert looks.wait(0) is LOADING
    assert looks.now == 0


@pytest.mark.parametrize(
    ("found", "passing"),
    [
        (LOADING, True),
        (BROKEN, False),
        (failed("TOK003"), False),
        (untold("time limit (10 s)"), True),
        (untold("run as root"), False),
        (untold("ValueError: x", "crashed"), False),
    ],
)
def test_what_waiting_cannot_change_ends_it_at_once(found: Report, passing: bool) -> None:
    assert may_pass(found) is passing
    looks = Looks(found, found, found)
    looks.wait(3)
    assert looks.number == (3 if passing else 1)


def test_a_warning_that_counts_for_nothing_holds_up_nothing() -> None:
    lasting = CheckResult(CHECKS["TOK004"], "warning", None, (fault("x"),))
    both = dataclasses.replace(LOADING, results=(*LOADING.results, lasting))
    assert may_pass(both)
    assert not may_pass(dataclasses.replace(both, fail_on="warning"))


def test_a_server_that_is_not_there_yet_is_waited_for() -> None:
    looks = Looks(NothingToExamine("none", may_come=True), HEALTHY)
    assert looks.wait(100) is HEALTHY


def test_a_name_of_nothing_is_not() -> None:
    looks = Looks(NothingToExamine("--dir /nope: there is none"))
    with pytest.raises(NothingToExamine):
        looks.wait(100)


def test_nothing_there_in_the_end_is_said() -> None:
    looks = Looks(*[NothingToExamine("none", may_come=True)] * 9)
    with pytest.raises(NothingToExamine):
        looks.wait(3)


@pytest.mark.parametrize("name", [*FORMATS, "json"])
@pytest.mark.parametrize("way", ["wait", "interrupted", "nothing", "crash"])
def test_only_the_document_is_on_stdout(
    name: str, way: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = {
        "interrupted": KeyboardInterrupt(),
        "nothing": NothingToExamine("no TabbyAPI was found", may_come=False),
        "crash": RuntimeError("x"),
    }

    def found(*_: object) -> Report:
        if way in ends:
            raise ends[way]
        return BROKEN

    monkeypatch.setattr(check_command, "_examine", found)
    code = run(["check", "--wait", "30", "--format", name])
    assert code == {"wait": 1, "interrupted": 130}.get(way, 2)
    CONSUMERS.get(name, json.loads)(capsys.readouterr().out)


def test_quiet_prints_only_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(check_command, "_examine", lambda *_: HEALTHY)
    assert run(["check", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert run(["check", "--quiet", "--format", "prometheus", "--output", f"{tmp_path}/m"]) == 0
    assert "tabbydoctor_exit_code 0" in (tmp_path / "m").read_text(), "a file is kept fresh"
    monkeypatch.setattr(check_command, "_examine", lambda *_: BROKEN)
    assert run(["check", "--quiet"]) == 1
    assert "CFG005" in capsys.readouterr().out


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf"])
def test_no_such_time(seconds: str) -> None:
    assert run(["check", "--wait", seconds]) == 2
