"""A full disk, `logs/` of another account, and a server that an earlier run left behind."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tabbydoctor.api import Severity
from tabbydoctor.host.data import CommandResult, Listener, Process

from .scene import FRAGMENT, IVAN, SERVER, STOPPED, TABBY, UNIT, Scene, failed, refusing, serving

RESTART = "sudo systemctl restart tabbyapi.service"
HEAD = "Avail IFree Mounted on\n"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.endpoint = serving()
    return scene


def disk(scene: Scene, line: str, total: str = "1000") -> None:
    def answer(argv: tuple[str, ...]) -> CommandResult:
        text = f"Inodes\n{total}\n" if "--output=itotal" in argv else f"{HEAD}{line}\n"
        return CommandResult(argv, 0, text)

    scene.commands["df"] = answer


@pytest.mark.parametrize(
    ("line", "log", "tokens", "what"),
    [
        ("0 900 /home", "OSError: [Errno 28] No space left on device", "", "no room"),
        ("4096 900 /home", "OSError: [Errno 28] No space left on device", None, "no room"),
        (
            "9999999999 0 /",
            "OSError: [Errno 28] No space left on device: 'x'",
            None,
            "no free inode",
        ),
        ("0 - /srv/my disk", "", "", "no room"),
    ],
)
def test_a_full_disk_is_the_root(
    scene: Scene, line: str, log: str, tokens: str | None, what: str
) -> None:
    disk(scene, line)
    if tokens is not None:
        scene.write(f"{TABBY}/api_tokens.yml", tokens, mode=0o600)
    scene.state, scene.endpoint = failed(1), refusing()
    scene.log = (log,) if log else ()
    said = scene.examine()
    assert said.ids == ["SVC013"]
    assert {"SVC002", "API001"} <= set(said.explains("SVC013"))
    assert ("TOK003" in said.explains("SVC013")) is (tokens == "")
    finding = said.finding("SVC013")
    assert finding.title.endswith(f"{what} is left on {line.split(maxsplit=2)[2]}")
    assert finding.remedies[0].commands[0] == f"df {'-i' if 'inode' in what else '-h'} {TABBY}"
    assert finding.remedies[0].commands[-1] == RESTART


@pytest.mark.parametrize(("line", "total"), [("9999999 0 /", "0"), ("9999999 - /", "-")])
def test_a_file_system_that_counts_no_inodes_is_not_full(
    scene: Scene, line: str, total: str
) -> None:
    disk(scene, line, total)
    assert scene.examine().ids == []


DENIED = f"PermissionError: [Errno 13] Permission denied: '{TABBY}/logs/2026-08-13.log'"


@pytest.mark.parametrize(("owner", "mode"), [(0, 0o755), (61999, 0o775), (IVAN.uid, 0o555)])
def test_logs_of_another_account(scene: Scene, owner: int, mode: int) -> None:
    scene.write(f"{TABBY}/logs/old.log", "INFO:     a start as root\n")
    os.chown(scene.root / TABBY[1:] / "logs", owner, owner)
    (scene.root / TABBY[1:] / "logs").chmod(mode)
    scene.state, scene.endpoint, scene.log = failed(1), refusing(), (DENIED,)
    said = scene.examine()
    assert said.ids == ["SVC014"]
    assert {"SVC002", "API001"} <= set(said.explains("SVC014"))
    finding = said.finding("SVC014")
    assert finding.title == f"ivan cannot write {TABBY}/logs"
    assert finding.evidence[0].actual == f"mode {mode:04o}, owner {owner}:{owner}"
    assert finding.remedies[0].commands == (
        f"sudo -u ivan mv {TABBY}/logs {TABBY}/logs.old",
        "sudo systemctl reset-failed tabbyapi.service",
        RESTART,
    )
    assert "before anything else" in said.finding("SVC002").detail


def test_what_an_account_s_own_link_leads_to_is_given_to_nobody(scene: Scene) -> None:
    scene.write("/var/log/roots/secret", "root's")
    roots = scene.root / "var/log/roots"
    os.chown(roots, 0, 0)
    link = scene.root / TABBY[1:] / "logs"
    link.symlink_to("/var/log/roots")
    os.lchown(link, IVAN.uid, IVAN.uid)
    scene.state, scene.endpoint, scene.log = failed(1), refusing(), (DENIED,)
    commands = [line for way in scene.examine().finding("SVC014").remedies for line in way.commands]
    assert commands
    assert all(line.startswith("ls ") for line in commands)


def test_while_it_runs_that_is_a_warning(scene: Scene) -> None:
    scene.write(f"{TABBY}/logs/old.log", "")
    os.chown(scene.root / TABBY[1:] / "logs", 0, 0)
    scene.processes = (SERVER,)
    assert scene.examine().finding("SVC014").severity is Severity.WARNING


ORPHAN = replace(SERVER, pid=900, parent=1, argv=("python", "main.py"))
MOVED = "WARNING:  Port 5000 is currently in use. Switching to 5001."
BUSY = "ERROR:    Ports 5000 and 5001 are in use by different services."


def test_one_that_an_earlier_run_left_behind_is_named(scene: Scene) -> None:
    scene.unit = FRAGMENT.replace("[Install]", "KillMode=process\n[Install]")
    scene.processes = (replace(SERVER, parent=1), ORPHAN)
    scene.listeners = (Listener("127.0.0.1", 5000, 900), Listener("127.0.0.1", 5001, 1234))
    scene.log = (MOVED, "INFO:     Uvicorn running on http://127.0.0.1:5001")
    said = scene.examine()
    finding = said.finding("SVC015")
    assert finding.title == f"Process 900 is left of an earlier run of {UNIT} and holds port 5000"
    kill, mode = finding.remedies
    assert kill.commands == ("sudo kill 900", RESTART)
    assert any("KillMode=control-group" in each for each in mode.commands)
    assert "SVC015" in said.ids


@pytest.mark.parametrize(
    "state",
    [
        {"MainPID": "1500", "ExecMainPID": "1500"},
        {"ActiveState": "activating", "SubState": "auto-restart", "MainPID": "0"},
        {"ActiveState": "failed", "MainPID": "0", "ExecMainPID": "1234"},
    ],
)
def test_of_a_unit_that_is_being_restarted_nothing_is_said(
    scene: Scene, state: dict[str, str]
) -> None:
    """Its processes were seen a moment before, or after, its state."""
    scene.properties = state
    scene.processes = (replace(SERVER, parent=1),)
    assert scene.examine().findings("SVC015") == ()


@pytest.mark.parametrize("unit", [None, "tabby-two.service", "session-3.scope"])
def test_a_second_one_that_holds_the_port_is_named(scene: Scene, unit: str | None) -> None:
    second = Process(
        901, ("python", "main.py"), uid=IVAN.uid, cwd=f"{TABBY}-two", unit=unit, parent=1
    )
    scene.write(f"{TABBY}-two/common/config_models.py", "")
    scene.processes = (second,)
    scene.listeners = (Listener("127.0.0.1", 5000, 901), Listener("127.0.0.1", 5001, 902))
    scene.state, scene.log, scene.endpoint = STOPPED, (BUSY,), refusing()
    said = scene.examine()
    assert said.ids == ["SVC015"]
    assert {"API001", "SVC004"} <= set(said.explains("SVC015"))
    finding = said.finding("SVC015")
    assert finding.title == f"Process 901 is another TabbyAPI, and holds port 5000 of {UNIT}"
    assert finding.remedies[0].commands[0] == "sudo kill 901"


@pytest.mark.parametrize(
    "processes",
    [
        (SERVER, replace(SERVER, pid=1300, parent=1234)),
        (replace(SERVER, argv=("/bin/sh", "run.sh")), replace(SERVER, pid=1300, parent=1234)),
        (SERVER, replace(SERVER, pid=1300, parent=1, argv=("nvidia-smi",))),
    ],
)
def test_the_units_own_processes_are_none(scene: Scene, processes: tuple[Process, ...]) -> None:
    scene.processes = processes
    assert scene.examine().findings("SVC015") == ()
