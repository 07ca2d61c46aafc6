"""With a real systemd: units are reloaded and restarted, on the way there and back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import unavailable
from tests.lab.machine import LabUnavailableError, Machine

pytestmark = pytest.mark.lab
UNIT = "[Service]\nExecStart=/bin/sleep infinity\nEnvironment=KEY_FROM=nowhere\n"
DROPIN = "/etc/systemd/system/router.service.d/tabbydoctor.conf"
APPLY = f"""
import os, signal, sys
from tabbydoctor.repair.changes import DaemonReload, FileChange, Plan, Restart
from tabbydoctor.repair.engine import open_state
from tabbydoctor.repair.states import FileState

def verify():
    if sys.argv[1] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    return sys.argv[1] == "works"

content = b"[Service]\\nEnvironment=KEY_FROM=dropin\\n"
if sys.argv[1] == "starts no more":
    content = b"[Service]\\nType=notify\\nExecStart=\\nExecStart=/bin/false\\n"
plan = Plan(
    "wire the key",
    (FileChange("{DROPIN}", None, FileState(content)),),
    (DaemonReload(), Restart("router.service")),
)
print(open_state().apply(plan, verify).state)
"""
UNDO = "from tabbydoctor.repair.engine import open_state; print(open_state().undo().state)"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine that runs a router, with the engine as it is here."""
    here = Path(__file__).parent.parent.parent
    try:
        booted = Machine.boot(tmp_path, shown=[here, Path(sys.prefix)])
    except LabUnavailableError as error:
        unavailable(str(error))
    with booted:
        booted.unit("router.service", UNIT)
        booted.systemctl("start", "router.service")
        yield booted


def _python(machine: Machine, code: str, *arguments: str) -> str:
    done = machine.run([sys.executable, "-c", code, *arguments], check=False)
    return done.stdout.strip() or done.stderr


def _environment(machine: Machine) -> str:
    """What the running process has, not what systemd would give it."""
    process = machine.property("router.service", "MainPID")
    return machine.read(f"/proc/{process}/environ")


def test_a_drop_in_comes_into_force_and_goes_again(machine: Machine) -> None:
    before = machine.snapshot(["/etc/systemd/system"])
    assert _python(machine, APPLY, "works") == "verified"
    assert "KEY_FROM=dropin" in _environment(machine)
    assert _python(machine, UNDO) == "undone"
    assert "KEY_FROM=nowhere" in _environment(machine)
    assert machine.property("router.service", "NeedDaemonReload") == "no"
    assert machine.snapshot(["/etc/systemd/system"]) == before


@pytest.mark.parametrize("outcome", ["fails", "starts no more"])
def test_what_does_not_work_is_rolled_back(machine: Machine, outcome: str) -> None:
    before = machine.snapshot(["/etc/systemd/system"])
    assert _python(machine, APPLY, outcome) == "rolled-back"
    assert "KEY_FROM=nowhere" in _environment(machine)
    assert machine.snapshot(["/etc/systemd/system"]) == before


def test_killed_with_everything_restarted_then_undone(machine: Machine) -> None:
    before = machine.snapshot(["/etc/systemd/system"])
    assert _python(machine, APPLY, "killed") == ""
    assert "KEY_FROM=dropin" in _environment(machine)
    assert _python(machine, UNDO) == "rolled-back"
    assert "KEY_FROM=nowhere" in _environment(machine)
    assert machine.snapshot(["/etc/systemd/system"]) == before
