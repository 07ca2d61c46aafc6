"""Commands that misbehave hold the doctor no longer than they are given."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tabbydoctor.host import commands
from tabbydoctor.host.data import CommandResult

FOREVER = "import os, signal, sys, time, subprocess\n"
HOSTILE: Mapping[str, str] = {
    "floods stderr": "while True: os.write(2, b'e' * 65536)",
    "floods stdout": "while True: os.write(1, b'o' * 65536)",
    "floods stderr slowly": "while True: os.write(2, b'e'); time.sleep(0.01)",
    "closes its outputs and lives on": "os.close(1); os.close(2); time.sleep(600)",
    "closes stdout and floods stderr": "os.close(1)\nwhile True: os.write(2, b'e' * 65536)",
    "ignores the signals that can be": (
        "[signal.signal(s, signal.SIG_IGN) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]"
        "\nprint('up', flush=True)\ntime.sleep(600)"
    ),
    "says nothing": "time.sleep(600)",
    "stops itself": "os.kill(os.getpid(), signal.SIGSTOP)",
}
LEAVING: Mapping[str, str] = {
    "leaves a child with its outputs": "print('said', flush=True); os.fork() or time.sleep(600)",
    "leaves a child of another session": (
        "print('said', flush=True)\nif not os.fork():\n    os.setsid(); time.sleep(30)"
    ),
    "leaves a child with stderr alone": (
        "print('said', flush=True)\nif not os.fork():\n    os.close(1); os.setsid(); time.sleep(30)"
    ),
}


def run(body: str, timeout: float, limit: int = 1 << 20) -> CommandResult:
    argv = [sys.executable, "-c", FOREVER + body]
    return commands.run(argv, timeout=timeout, limit=limit, line_limit=None)


@pytest.fixture
def bounded() -> None:
    """A test that hangs is killed: the alarm's default ends the process."""

    def fail(*_: object) -> None:
        raise AssertionError("the command held the doctor")

    signal.signal(signal.SIGALRM, fail)
    signal.alarm(25)


@pytest.fixture(autouse=True)
def _unbounded(bounded: None) -> object:
    yield
    signal.alarm(0)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_command_outlives_its_time(name: str) -> None:
    result = run(HOSTILE[name], 0.5)
    assert result.truncated
    assert result.timed_out is (name != "floods stdout")
    assert len(result.stderr) <= 64 << 10
    assert len(result.stdout) <= 2 << 20


@pytest.mark.parametrize("name", LEAVING)
def test_a_child_that_keeps_the_outputs_open_is_not_waited_for(name: str) -> None:
    result = run(LEAVING[name], 20)
    assert (result.code, result.stdout, result.truncated) == (0, "said\n", False)


def test_what_is_killed_is_killed_with_its_children(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    body = f"pid = os.fork()\nif pid: open({str(told)!r}, 'w').write(str(pid))\ntime.sleep(600)"
    assert run(body, 1.5).timed_out
    child = int(told.read_text())
    until = time.monotonic() + 10
    while Path(f"/proc/{child}/stat").exists() and time.monotonic() < until:
        state = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0]
        if state == "Z":
            break
        os.sched_yield()
    else:
        assert not Path(f"/proc/{child}").exists()


@pytest.mark.parametrize(("body", "code"), [("pass", 0), ("sys.exit(3)", 3)])
def test_one_that_behaves_ends_with_its_own_status(body: str, code: int) -> None:
    result = run(f"print('a'); sys.stderr.write('b')\n{body}", 20)
    assert (result.code, result.stdout, result.stderr) == (code, "a\n", "b")
    assert not result.truncated
