"""SVC001 to SVC006: what systemd says of the unit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checks.service.unit_failed import unit_failed
from checks.service.unit_gone_quietly import unit_gone_quietly
from checks.service.unit_missing import unit_missing
from checks.service.unit_not_enabled import unit_not_enabled
from checks.service.unit_reload_needed import unit_reload_needed
from checks.service.unit_restart_loop import unit_restart_loop
from tabbydoctor.deployment.parts import Instance, Units
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.host import HttpAnswer
from tabbydoctor.routers import RouterReading
from tabbydoctor.tabbyapi.probes import Address, Endpoint
from tabbydoctor.targets import Targets

from .deployment import FAILED, STOPPED, instance, judge, log, router, unit


def endpoint(reached: bool) -> Endpoint:
    url = "http://127.0.0.1:5000"
    address = Address(url, "127.0.0.1:5000", "configuration")
    return Endpoint(address, reached, "tabbyapi" if reached else "unknown", HttpAnswer(url), {})


def test_healthy() -> None:
    assert judge(unit_missing, Units((unit(),)), Targets(unit="tabbyapi")) == []
    assert judge(unit_failed, instance(), log("INFO:     fine", present=True)) == []
    assert judge(unit_restart_loop, instance(), endpoint(True)) == []
    assert judge(unit_gone_quietly, instance(), log(present=True)) == []
    assert judge(unit_reload_needed, instance(), router()) == []
    assert judge(unit_not_enabled, instance(), router(), None) == []


@pytest.mark.parametrize(
    "check", [unit_failed, unit_restart_loop, unit_gone_quietly, unit_reload_needed]
)
def test_without_a_unit_it_is_skipped(check: object) -> None:
    with pytest.raises(Absent, match="not run by a systemd unit"):
        judge(check, Instance("/srv/tabby"), None)  # type: ignore[arg-type]


def test_unit_missing() -> None:
    units = Units((unit(), unit("nosuch.service", LoadState="not-found")))
    for name in ("nosuch", "nosuch.service", "other"):
        (finding,) = judge(unit_missing, units, Targets(unit=name))
        assert finding.title == f"There is no unit {name}"
    assert judge(unit_missing, units, Targets()) == []


def test_a_user_manager_that_was_not_reached_is_unknown() -> None:
    with pytest.raises(Unknown, match="--user"):
        judge(unit_missing, Units((unit(),)), Targets(user_unit="tabbyapi"))


@pytest.mark.parametrize(
    ("properties", "what"),
    [
        ({**FAILED, "ExecMainStatus": "1"}, "exit status 1"),
        ({**FAILED, "ExecMainStatus": "2"}, "exit status 2"),
        ({**FAILED, "ExecMainStatus": "200"}, "200/CHDIR"),
        ({**FAILED, "ExecMainStatus": "203"}, "203/EXEC"),
        ({**FAILED, "ExecMainStatus": "217"}, "217/USER"),
        ({**FAILED, "Result": "oom-kill", "ExecMainCode": "2", "ExecMainStatus": "9"}, "oom-kill"),
        ({**FAILED, "Result": "signal", "ExecMainCode": "2", "ExecMainStatus": "11"}, "SIGSEGV"),
        ({**FAILED, "Result": "resources", "ExecMainCode": "0"}, "resources"),
        ({**FAILED, "SubState": "auto-restart", "ActiveState": "activating"}, "exit-code"),
        ({"LoadState": "bad-setting", "ActiveState": "inactive"}, "bad-setting"),
    ],
)
def test_unit_failed(properties: dict[str, str], what: str) -> None:
    (finding,) = judge(unit_failed, instance(**properties), None)
    assert what in finding.title
    assert finding.detail


def test_unit_failed_shows_the_end_of_the_log_redacted() -> None:
    lines = [f"INFO:     line {number}" for number in range(9)]
    lines.append("ERROR:    api_key: a-very-secret-key")
    lines.append("tabbyapi.service: Failed with result 'exit-code'.")
    (finding,) = judge(unit_failed, instance(**FAILED, ExecMainStatus="1"), log(*lines))
    assert [evidence.actual for evidence in finding.evidence[1:]] == [
        "line 6",
        "line 7",
        "line 8",
        "api_key: [redacted]",
    ]


@pytest.mark.parametrize(
    "properties",
    [
        {"ActiveState": "activating", "SubState": "auto-restart", "NRestarts": "2"},
        {**FAILED, "Result": "start-limit-hit"},
        {**FAILED, "NRestarts": "5"},
    ],
)
def test_unit_restart_loop(properties: dict[str, str]) -> None:
    assert len(judge(unit_restart_loop, instance(**properties), None)) == 1


def test_restarts_of_a_unit_that_serves_are_no_loop() -> None:
    assert judge(unit_restart_loop, instance(NRestarts="12"), endpoint(True)) == []
    assert judge(unit_restart_loop, instance(NRestarts="12"), None) == []
    assert len(judge(unit_restart_loop, instance(NRestarts="12"), endpoint(False))) == 1


def test_gone_because_both_ports_were_taken() -> None:
    run = log("ERROR:    Ports 5000 and 5001 are in use by different services.")
    (finding,) = judge(unit_gone_quietly, instance(**STOPPED), run)
    assert "5000 and 5001" in finding.title
    assert finding.remedies[0].commands[0] == "sudo ss -ltnp 'sport = :5000'"


def test_gone_without_a_stop() -> None:
    # systemd 252 forgets the exit of a stopped unit that nothing refers to; its log does not.
    forgotten = {**STOPPED, "ExecMainStartTimestampMonotonic": "0"}
    ended = "tabbyapi.service: Deactivated successfully."
    assert len(judge(unit_gone_quietly, instance(**forgotten), log("INFO:     x", ended))) == 1
    remembered = {**STOPPED, "ExecMainCode": "1"}
    assert len(judge(unit_gone_quietly, instance(**remembered), log("INFO:     x"))) == 1


@pytest.mark.parametrize(
    "line",
    ["Stopping tabbyapi.service...", "WARNING:  Shutdown signal called. Exiting gracefully."],
)
def test_stopped_by_someone_is_not_gone(line: str) -> None:
    run = log("INFO:     x", line, "tabbyapi.service: Deactivated successfully.")
    assert judge(unit_gone_quietly, instance(**STOPPED, ExecMainCode="1"), run) == []


def test_never_started_is_not_gone() -> None:
    never = {**STOPPED, "ExecMainStartTimestampMonotonic": "0"}
    assert judge(unit_gone_quietly, instance(**never), None) == []
    assert judge(unit_gone_quietly, instance(**never), log("INFO:     power cut")) == []


def test_reload_needed_of_either_unit() -> None:
    (finding,) = judge(unit_reload_needed, instance(NeedDaemonReload="yes"), router())
    assert finding.remedies[0].commands == ("sudo systemctl daemon-reload",)
    (finding,) = judge(unit_reload_needed, instance(), router(NeedDaemonReload="yes"))
    assert finding.title.startswith("llm-router.service")


@pytest.mark.parametrize(
    ("state", "verb"), [("disabled", "enable"), ("static", "add-wants multi-user.target")]
)
def test_not_enabled(state: str, verb: str) -> None:
    disabled = instance(UnitFileState=state, WantedBy="")
    (finding,) = judge(unit_not_enabled, disabled, None, None)
    assert finding.remedies[0].commands == (f"sudo systemctl {verb} tabbyapi.service",)


def test_started_by_something_else_is_well() -> None:
    disabled = instance(UnitFileState="disabled", WantedBy="")
    reading = RouterReading("/srv/router.py", "python", starts_units=("tabbyapi",))
    assert judge(unit_not_enabled, disabled, router(), reading) == []
    unread = replace(reading, starts_units=(), problem="syntax")
    with pytest.raises(Unknown, match="could not be read"):
        judge(unit_not_enabled, disabled, router(), unread)
    by_timer = instance(UnitFileState="static", WantedBy="", TriggeredBy="tabbyapi.timer")
    assert judge(unit_not_enabled, by_timer, None, None) == []
