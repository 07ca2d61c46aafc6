"""Where changes are recorded, and one repair at a time."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tabbydoctor.repair import state_directory
from tabbydoctor.repair.engine import open_state
from tabbydoctor.repair.errors import Busy, NothingToUndo, RepairError
from tests.repair.trees import edit, plan, state_in

HOLDER = """
import sys, time
from tabbydoctor.repair.engine import open_state
with open_state(sys.argv[1]).lock():
    print("held", flush=True)
    time.sleep(60)
"""


def test_looking_makes_nothing(tmp_path: Path) -> None:
    state = open_state(str(tmp_path / "deep" / "state"))
    assert state.history() == ()
    assert state.recover() == ()
    with pytest.raises(NothingToUndo):
        state.undo()
    assert os.listdir(tmp_path) == []


def test_it_is_private(tmp_path: Path) -> None:
    state = open_state(str(tmp_path / "deep" / "state"))
    with state.lock():
        pass
    assert stat.S_IMODE(state.directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in state.directory.iterdir()} == {0o600}


def test_the_usual_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert state_directory.state_directory(None) == Path("/var/lib/tabbydoctor")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert state_directory.state_directory(None) == tmp_path / "tabbydoctor"


def test_an_ordinary_user_is_told_where_else_to_look(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(state_directory, "SYSTEM", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "sudo tabbydoctor undo" in state_directory.elsewhere(tmp_path / "own")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert state_directory.elsewhere(tmp_path / "own") == ""


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o1777])
def test_one_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(RepairError, match="can be written by others") as caught:
        open_state(str(tmp_path))
    assert caught.value.hint == f"chmod 700 {tmp_path}"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give it away")
def test_one_of_somebody_else_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    with pytest.raises(RepairError, match="belongs to uid 65534"):
        open_state(str(tmp_path))
    (tmp_path / "link").symlink_to("/var/lib")
    with pytest.raises(RepairError, match="is a symbolic link"):
        open_state(str(tmp_path / "link" / "tabbydoctor"))


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RepairError, match="not a directory"):
        open_state(str(tmp_path / "file"))
    with pytest.raises(RepairError, match="Not a directory"):
        open_state(str(tmp_path / "file" / "x"))


def test_one_repair_at_a_time(tmp_path: Path) -> None:
    state = state_in(tmp_path)
    (tmp_path / "f").write_bytes(b"old")
    state.apply(plan(edit(tmp_path / "f", b"new")))
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(state.directory)], stdout=subprocess.PIPE, text=True
    )
    with holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(Busy, match=rf"under way \(process {holder.pid}\)"):
                state.undo()
            with pytest.raises(Busy):
                state.apply(plan(edit(tmp_path / "f", b"newer")))
            assert (tmp_path / "f").read_bytes() == b"new"
            assert len(state.history()) == 1
        finally:
            holder.send_signal(signal.SIGKILL)
    state.undo()  # the lock ended with its process
    assert (tmp_path / "f").read_bytes() == b"old"


def test_two_at_once_make_one_change(tmp_path: Path) -> None:
    """Both planned from the same file: one is made, the other refused."""
    (tmp_path / "f").write_bytes(b"old")
    planned = plan(edit(tmp_path / "f", b"new"))
    state_in(tmp_path).apply(planned)
    with pytest.raises(RepairError, match="changed by somebody else"):
        state_in(tmp_path).apply(planned)
    assert len(state_in(tmp_path).history()) == 1


def test_the_lock_is_held_from_planning_to_proof(tmp_path: Path) -> None:
    state = state_in(tmp_path)
    (tmp_path / "f").write_bytes(b"old")
    with state.lock():
        assert state.recover() == ()
        assert state.apply(plan(edit(tmp_path / "f", b"new")), lambda: True).verified
        with pytest.raises(Busy):
            state_in(tmp_path).undo()
    state_in(tmp_path).undo()
