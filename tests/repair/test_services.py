"""Unit actions: the exact commands, bounded, their faults without secrets."""

from __future__ import annotations

import os
import pwd
from collections.abc import Sequence

from tabbydoctor.host.data import CommandResult
from tabbydoctor.repair import services
from tabbydoctor.repair.changes import DaemonReload, Enable, Restart
from tests.repair.trees import Recorder

OWN = pwd.getpwuid(os.geteuid()).pw_name


def test_the_commands() -> None:
    runner = Recorder()
    actions = (
        DaemonReload(),
        Restart("-odd.service"),
        DaemonReload(OWN),
        Restart("router.service", "somebody"),
    )
    assert services.perform(actions, runner) == ()
    assert [command.removeprefix("systemctl --no-ask-password ") for command in runner.ran] == [
        "daemon-reload",
        "reset-failed -- -odd.service",
        "restart -- -odd.service",
        "--user daemon-reload",
        "--user --machine=somebody@.host reset-failed -- router.service",
        "--user --machine=somebody@.host restart -- router.service",
    ]


def test_a_fault_is_one_redacted_line_and_the_others_go_on() -> None:
    runner = Recorder(failing="daemon-reload")
    problems = services.perform((DaemonReload(), Restart("x.service")), runner)
    assert problems == (
        "systemctl --no-ask-password daemon-reload: Unit failed, api_key: [redacted]",
    )
    assert runner.ran[-1].endswith("restart -- x.service")


def test_past_the_time_limit() -> None:
    def slow(argv: Sequence[str], time_limit: float) -> CommandResult:
        return CommandResult(tuple(argv), 124)

    (problem,) = services.perform((DaemonReload(),), slow)
    assert problem.endswith("not done after 180 seconds")


def test_a_machine_without_systemctl() -> None:
    result = services.systemctl(["/nonexistent/systemctl"], 5.0)
    assert result.missing


def verbs(runner: Recorder) -> list[str]:
    return [command.removeprefix("systemctl --no-ask-password ") for command in runner.ran]


def test_a_unit_that_the_change_brings() -> None:
    runner = Recorder()
    assert services.perform((Enable("front.service"),), runner) == ()
    assert verbs(runner) == ["enable -- front.service", "start -- front.service"]
    runner = Recorder()
    assert services.perform((Enable("front.service"),), runner, restart=False) == ()
    assert verbs(runner) == ["enable -- front.service"]


def test_one_that_does_not_start() -> None:
    (problem,) = services.perform((Enable("front.service"),), Recorder(failing="start"))
    assert "start -- front.service" in problem


def test_it_is_stopped_and_disabled_before_its_files_go() -> None:
    runner = Recorder()
    assert services.withdraw((DaemonReload(), Enable("f.service")), runner) == ()
    assert verbs(runner) == [
        "stop -- f.service",
        "disable -- f.service",
        "reset-failed -- f.service",
    ]


def test_one_that_is_not_there_any_more_is_no_problem() -> None:
    def gone(argv: Sequence[str], time_limit: float) -> CommandResult:
        return CommandResult(tuple(argv), 5)

    assert services.withdraw((Enable("f.service"),), gone) == ()
    (problem,) = services.withdraw((Enable("f.service"),), Recorder(failing="stop"))
    assert "stop -- f.service" in problem
