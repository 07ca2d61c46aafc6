"""The units of `install-timer`: what systemd itself makes of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tabbydoctor.cli import timer
from tabbydoctor.cli.app import run
from tabbydoctor.cli.errors import CommandError
from tabbydoctor.deployment.parts import Machine
from tabbydoctor.remedies.draft import Draft
from tabbydoctor.remedies.timer import (
    DIRECTORY,
    INTERVAL,
    SERVICE,
    TIMER,
    Watching,
    plan_timer,
    service_settings,
    unit_texts,
)
from tabbydoctor.repair.engine import State

ODD = 'it\'s 100% "odd" \\ $HOME'
WATCHING = Watching(("/usr/bin/env", "watch", "--dir", f"/srv/{ODD}"), "/srv/m x/t.prom", "5min")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
def test_systemd_takes_them(tmp_path: Path) -> None:
    for path, text in unit_texts(WATCHING).items():
        (tmp_path / Path(path).name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / SERVICE), str(tmp_path / TIMER)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "tabbydoctor." in line]
    assert ours == []


def test_a_word_reaches_the_program_as_it_is() -> None:
    line = dict(service_settings(WATCHING))["ExecStart"]
    assert line.endswith(r'"/srv/it' + r"'s 100%% \"odd\" \\ $$HOME" + '"')


@pytest.mark.parametrize("span", ["90s", "5min", "1h", "1d"])
def test_a_time(span: str) -> None:
    assert INTERVAL.fullmatch(span)


@pytest.mark.parametrize("span", ["", "0s", "5", "5 min", "-1h", "1w\nExecStart=x", "1h "])
def test_no_time(span: str) -> None:
    assert INTERVAL.fullmatch(span) is None
    assert run(["install-timer", "--every", span, "--dry-run"]) == 2


def on(monkeypatch: pytest.MonkeyPatch, **kind: bool) -> None:
    machine = Machine(**{"systemd": True, "systemd_version": 252, **kind})  # type: ignore[arg-type]
    monkeypatch.setattr(timer, "fact", lambda *_: machine)


def test_a_dry_run_shows_both_and_touches_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    on(monkeypatch)
    state = tmp_path / "state"
    assert run(["install-timer", "--dry-run", "--dir", "/srv/t", "--state-dir", str(state)]) == 0
    said = capsys.readouterr().out
    assert f"+++ {DIRECTORY}/{SERVICE}" in said
    assert '"--dir" "/srv/t"' in said
    assert not state.exists()
    assert not os.path.exists(f"{DIRECTORY}/{TIMER}")


def test_on_nixos_it_is_lines_for_its_configuration(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on(monkeypatch, nixos=True)
    assert run(["install-timer"]) == 2
    said = capsys.readouterr().err
    assert "systemd.services.tabbydoctor.serviceConfig = {" in said
    assert 'wantedBy = [ "timers.target" ]' in said


def test_without_systemd_cron_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on(monkeypatch, systemd=False)
    assert run(["install-timer"]) == 2
    assert "cron" in capsys.readouterr().err


def test_a_program_that_others_may_exchange_is_not_run_by_root(tmp_path: Path) -> None:
    program = tmp_path / "tabbydoctor"
    program.touch()
    tmp_path.chmod(0o777)
    with pytest.raises(CommandError, match="root would run it again and again"):
        timer._require_trusted(str(program))


def test_the_second_plan_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tabbydoctor.remedies.timer.DIRECTORY", str(tmp_path))
    ran: list[str] = []

    def systemctl(argv: object, _: float) -> object:
        from tabbydoctor.host import CommandResult

        ran.append(" ".join(argv))  # type: ignore[arg-type]
        return CommandResult(tuple(argv), 0)  # type: ignore[arg-type]

    state = State(tmp_path / "state", systemctl)  # type: ignore[arg-type]
    for number in range(2):
        draft = Draft()
        plan_timer(draft, WATCHING)
        assert draft.plan().empty == bool(number)
        if not number:
            state.apply(draft.plan())
    assert any("enable" in line and TIMER in line for line in ran)
    state.undo()
    assert not (tmp_path / TIMER).exists()
