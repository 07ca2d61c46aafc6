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
from tabbydoctor.deployment.parts import Discovery, Instance, Machine, Units
from tabbydoctor.deployment.program import ServerProgram
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.diagnosis.finding import Finding, Severity
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.host import HttpAnswer
from tabbydoctor.host.data import Process
from tabbydoctor.routers import RouterReading
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.probes import Address, Endpoint
from tabbydoctor.targets import Targets

from .deployment import FAILED, STOPPED, instance, judge, log, router, unit

SYSTEMD = Machine(systemd=True)


def endpoint(reached: bool) -> Endpoint:
    url = "http://127.0.0.1:5000"
    address = Address(url, "127.0.0.1:5000", "configuration")
    return Endpoint(address, reached, "tabbyapi" if reached else "unknown", HttpAnswer(url), {})


def failed(
    one: Instance | None,
    run: RunLog | None = None,
    program: ServerProgram | None = None,
    unloadable: Unit | None = None,
) -> list[Finding]:
    return judge(unit_failed, Discovery(one, (), unloadable), run, program)


def test_healthy() -> None:
    assert judge(unit_missing, Units((unit(),)), Targets(unit="tabbyapi")) == []
    assert failed(instance(), log("INFO:     fine", present=True)) == []
    assert judge(unit_restart_loop, instance(), endpoint(True)) == []
    assert judge(unit_gone_quietly, instance(), log(present=True)) == []
    assert judge(unit_reload_needed, instance(), router()) == []
    assert judge(unit_not_enabled, instance(), router(), None, SYSTEMD) == []


@pytest.mark.parametrize("check", [unit_restart_loop, unit_gone_quietly, unit_reload_needed])
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
    (finding,) = failed(instance(**properties))
    assert what in finding.title
    assert finding.detail


def test_a_failed_unit_is_skipped_where_there_is_none() -> None:
    for one in (None, Instance("/srv/tabby")):
        with pytest.raises(Absent):
            failed(one)


def masked(**properties: str) -> Unit:
    named = {"Id": "tabbyapi.service", "LoadState": "masked", "ActiveState": "inactive"}
    return Unit("tabbyapi.service", {**named, **properties})


def test_a_masked_unit_is_unmasked() -> None:
    (finding,) = failed(None, unloadable=masked())
    assert finding.title == "tabbyapi.service is masked"
    assert finding.severity is None
    assert finding.remedies[0].commands[0] == "sudo systemctl unmask tabbyapi.service"
    (runs_on,) = failed(Instance("/srv/tabby", unit=masked(ActiveState="active")))
    assert runs_on.severity is Severity.WARNING


def test_what_the_log_says_counts_more_than_the_status() -> None:
    lines = [
        "/opt/venv/bin/python: can't open file '/srv/tabby/mian.py': [Errno 2] No such file or "
        "directory",
        "tabbyapi.service: Main process exited, code=exited, status=2/INVALIDARGUMENT",
    ]
    (finding,) = failed(instance(**FAILED, ExecMainStatus="2"), log(*lines))
    said = "Python cannot open its program /srv/tabby/mian.py: no such file or directory."
    assert finding.detail == said
    assert [one.actual for one in finding.evidence[1:]] == [lines[0]]
    assert finding.remedies[0].commands == (
        "sudo systemctl edit --full tabbyapi.service",
        "sudo systemctl reset-failed tabbyapi.service",
        "sudo systemctl restart tabbyapi.service",
    )


def test_a_port_of_roots_has_two_ways_out() -> None:
    lines = [
        "INFO:     Application startup complete.",
        "ERROR:    [Errno 13] error while attempting to bind on address ('127.0.0.1', 80): "
        "permission denied",
        "INFO:     Application shutdown complete.",
    ]
    (finding,) = failed(instance(**FAILED, ExecMainStatus="3"), log(*lines))
    assert "may not bind port 80" in finding.detail
    assert len(finding.evidence) == 2
    assert "1024" in finding.remedies[0].title
    assert "CAP_NET_BIND_SERVICE" in finding.remedies[1].title


@pytest.mark.parametrize(
    ("properties", "program", "words", "command"),
    [
        (
            {"ExecMainStatus": "203"},
            ServerProgram("/srv/tabby", True, None, executable_exists=False),
            "/srv/tabby/venv/bin/python of ExecStart= is not there",
            "namei -l /srv/tabby/venv/bin/python",
        ),
        (
            {"ExecMainStatus": "203"},
            None,
            "is missing, or tabby may not run it",
            "namei -l /srv/tabby/venv/bin/python",
        ),
        (
            {"ExecMainStatus": "217", "User": "nobody-there"},
            None,
            "no account nobody-there, which User= names",
            "getent passwd nobody-there",
        ),
    ],
)
def test_what_systemd_could_not_run_is_named(
    properties: dict[str, str], program: ServerProgram | None, words: str, command: str
) -> None:
    noise = (
        "INFO:     Application shutdown complete.",
        "Stopped tabbyapi.service - TabbyAPI.",
        "tabbyapi.service: Start request repeated too quickly.",
        "Failed to start tabbyapi.service - TabbyAPI.",
    )
    told = "tabbyapi.service: Failed at step EXEC spawning /srv/tabby/venv/bin/python: No such file"
    (finding,) = failed(instance(**FAILED, **properties), log(noise[0], told, *noise), program)
    assert words in finding.detail
    assert [one.actual for one in finding.evidence[1:]] == [told]
    assert finding.remedies[0].commands[0] == command
    (silent,) = failed(instance(**FAILED, **properties), log(*noise), program)
    assert len(silent.evidence) == 1


def test_unit_failed_shows_the_end_of_the_log_redacted() -> None:
    lines = [f"ERROR:    line {number}" for number in range(9)]
    lines.append("INFO:     Loading model: models/tiny")
    lines.append("ERROR:    api_key: a-very-secret-key")
    lines.append("tabbyapi.service: Failed with result 'exit-code'.")
    (finding,) = failed(instance(**FAILED, ExecMainStatus="1"), log(*lines))
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


LOADS = Process(114, ("python", "main.py"), started=1000.0)


def judged_loop(after: float, process: Process | None = LOADS, **properties: str) -> list[Finding]:
    """Of a unit whose server does not answer so many seconds after it was started."""
    silent = replace(endpoint(False), asked_at=1000.0 + after)
    return judge(unit_restart_loop, replace(instance(**properties), process=process), silent)


def test_a_loop_is_told_from_a_server_that_was_restarted_and_loads() -> None:
    (finding,) = judged_loop(2, NRestarts="1")
    assert finding.title == "tabbyapi.service was restarted once and does not stay up"
    assert judged_loop(300, NRestarts="1") == []
    assert len(judged_loop(300, NRestarts="3")) == 1
    assert judged_loop(2, NRestarts="0") == []


@pytest.mark.parametrize(
    ("state", "loops"),
    [("active", True), ("deactivating", True), ("activating", True), ("inactive", False)],
)
def test_a_loop_between_the_end_and_the_next_start(state: str, loops: bool) -> None:
    """The unit was asked a moment before its processes were; or somebody stopped it."""
    assert bool(judged_loop(0, None, ActiveState=state, NRestarts="1")) is loops


def test_a_loop_that_waits_for_its_first_restart() -> None:
    waits = {"ActiveState": "activating", "SubState": "auto-restart-queued"}
    (finding,) = judged_loop(2, None, **waits)
    assert finding.title == "tabbyapi.service has ended, and systemd is to start it again"


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


SERVED = (
    "Started tabbyapi.service - TabbyAPI.",
    "INFO:     Started server process [141]",
    "WARNING:  Shutdown signal called. Exiting gracefully.",
    "tabbyapi.service: Deactivated successfully.",
)
"""systemd ends a server that a script left behind; the server takes it for a stop."""


def test_a_server_left_behind_by_a_script_is_gone() -> None:
    left = instance(**STOPPED, ExecMainCode="1", ExecMainPID="138")
    (finding,) = judge(unit_gone_quietly, left, log(*SERVED))
    assert "left the server behind" in finding.detail
    assert "exec" in finding.remedies[0].title
    stopped = (*SERVED[:2], "Stopping tabbyapi.service - TabbyAPI...", *SERVED[2:])
    assert judge(unit_gone_quietly, left, log(*stopped)) == []
    killed = instance(**STOPPED, ExecMainCode="1", ExecMainPID="141")
    assert judge(unit_gone_quietly, killed, log(*SERVED)) == []
    forgotten = instance(**STOPPED, ExecMainPID="0", ExecMainStartTimestampMonotonic="0")
    assert judge(unit_gone_quietly, forgotten, log(*SERVED)) == []


def test_a_script_that_ends_before_its_server_says_a_word_is_gone() -> None:
    one = instance(**STOPPED, ExecMainCode="1", ExecMainPID="138")
    (finding,) = judge(unit_gone_quietly, one, log(SERVED[0], SERVED[3]))
    assert "exec" in finding.remedies[0].title


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
    (finding,) = judge(unit_not_enabled, disabled, None, None, SYSTEMD)
    assert finding.remedies[0].commands == (f"sudo systemctl {verb} tabbyapi.service",)


def test_started_by_something_else_is_well() -> None:
    disabled = instance(UnitFileState="disabled", WantedBy="")
    reading = RouterReading("/srv/router.py", "python", starts_units=("tabbyapi",))
    assert judge(unit_not_enabled, disabled, router(), reading, SYSTEMD) == []
    unread = replace(reading, starts_units=(), problem="syntax")
    with pytest.raises(Unknown, match="could not be read"):
        judge(unit_not_enabled, disabled, router(), unread, SYSTEMD)
    by_timer = instance(UnitFileState="static", WantedBy="", TriggeredBy="tabbyapi.timer")
    assert judge(unit_not_enabled, by_timer, None, None, SYSTEMD) == []
