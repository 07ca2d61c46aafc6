"""Killed at every step of the engine: every file is whole, and the next run takes it back.

The process is forked and kills itself (SIGKILL) before its n-th call that changes the disk, for
n = 1, 2, 3, … until it gets through.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tabbydoctor.repair.changes import DaemonReload, FileChange, Plan, Restart
from tabbydoctor.repair.engine import State
from tabbydoctor.repair.errors import NothingToUndo
from tests.repair.trees import Recorder, Snapshot, edit, removal, snapshot, strays

_CALLS = {"write", "flush", "fsync", "rename", "replace", "link", "unlink", "remove", "mkdir"}
_CALLS |= {"rmdir", "flock", "fchmod", "chmod", "fchown", "chown", "setxattr", "removexattr"}
"""What changes the disk. A file that is just made is caught by the next call of these."""
_NEVER = 1_000_000


@pytest.fixture
def fast(tmp_path: Path) -> Iterator[Path]:
    """A directory where fsync costs nothing, if there is one."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as directory:
        yield Path(directory)


def _killed_at(number: int, work: Callable[[], object]) -> bool:
    """Run the work in a child that dies before its n-th change; False when it got through."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _die_at(number)
            work()
            status = 0
        except BaseException:  # noqa: BLE001 - the child must end here, not in pytest
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def _die_at(number: int) -> None:
    left = number

    def profile(frame: FrameType, event: str, called: Any) -> None:
        nonlocal left
        if event == "c_call" and called.__name__ in _CALLS:
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(profile)


def _lay_out(root: Path) -> Path:
    files = root / "files"
    files.mkdir()
    (files / "a").write_bytes(b"old a\n")
    (files / "b").write_bytes(b"old b\n")
    (files / "b").chmod(0o600)
    return files


def _plan(files: Path) -> Plan:
    changes: tuple[FileChange, ...] = (
        edit(files / "a", b"new a, and longer\n"),
        removal(files / "b"),
        edit(files / "unit.d" / "x.conf", b"[Service]\n"),
    )
    return Plan("repair", changes, (DaemonReload(), Restart("x.service")))


def _assert_whole(files: Path) -> None:
    assert (files / "a").read_bytes() in (b"old a\n", b"new a, and longer\n")
    if (files / "b").exists():
        assert (files / "b").read_bytes() == b"old b\n"
    created = files / "unit.d" / "x.conf"
    if created.exists():
        assert created.read_bytes() == b"[Service]\n"


def _clean(root: Path) -> None:
    for name in ("files", "state"):
        shutil.rmtree(root / name, ignore_errors=True)


def _afresh(state: State) -> State:
    """Opened by the child itself: a lock is not handed down."""
    return State(state.directory, Recorder())


def _every_kill(
    root: Path, prepare: Callable[[State, Path], None], work: Callable[[State, Path], object]
) -> Iterator[tuple[State, Path, Snapshot, Recorder]]:
    """After each kill: the state, the files, and the files as they were at first."""
    for number in range(1, _NEVER):
        _clean(root)
        files = _lay_out(root)
        before = snapshot(files)
        runner = Recorder()
        state = State(root / "state", runner)
        prepare(state, files)
        if not _killed_at(number, lambda: work(_afresh(state), files)):  # noqa: B023 - now
            assert number > 15, "the profile does not see the engine"
            return
        _assert_whole(files)
        runner.ran.clear()
        yield state, files, before, runner


@pytest.mark.parametrize("verdict", [True, False])
def test_killed_while_applying_then_taken_back(fast: Path, verdict: bool) -> None:
    restarted = fast / "restarted"

    def verify() -> bool:
        restarted.touch()
        return verdict

    def work(state: State, files: Path) -> object:
        restarted.unlink(missing_ok=True)
        return state.apply(_plan(files), verify)

    for state, files, before, runner in _every_kill(fast, lambda state, files: None, work):
        ended = {change.state for change in state.history()} & {"verified", "rolled-back"}
        state.recover()
        if restarted.exists() and not ended:
            assert any("restart" in command for command in runner.ran)
        if "verified" in ended:
            assert verdict
            assert not (files / "b").exists()
            state.undo()
        assert snapshot(files) == before
        assert not strays(fast)
        assert all(one.state in ("rolled-back", "undone") for one in state.history())


def test_killed_while_applying_then_undone(fast: Path) -> None:
    """`undo` alone does the same."""

    def work(state: State, files: Path) -> object:
        return state.apply(_plan(files), lambda: True)

    for state, files, before, _ in _every_kill(fast, lambda state, files: None, work):
        try:
            state.undo()
        except NothingToUndo:
            assert state.history() == ()
        assert snapshot(files) == before
        assert not strays(fast)


def test_killed_while_undoing_then_finished(fast: Path) -> None:
    def prepare(state: State, files: Path) -> None:
        state.apply(_plan(files), lambda: True)

    for state, files, before, runner in _every_kill(
        fast, prepare, lambda state, files: state.undo()
    ):
        begun = state.history()[0].state == "undoing"
        recovered = state.recover()
        assert bool(recovered) is begun
        assert not begun or any("restart" in command for command in runner.ran)
        if state.history()[0].state == "verified":
            state.undo()
        assert snapshot(files) == before
        assert not strays(fast)


def test_killed_while_recovering_then_recovered(fast: Path) -> None:
    """The first kill comes when half of the files are written, the second anywhere after."""

    def prepare(state: State, files: Path) -> None:
        def die() -> bool:
            (files / "a").stat()
            os.kill(os.getpid(), signal.SIGKILL)
            return True

        assert _killed_at(_NEVER, lambda: _afresh(state).apply(_plan(files), die))
        assert state.history()[0].state == "prepared"

    for state, files, before, _ in _every_kill(fast, prepare, lambda state, files: state.recover()):
        state.recover()
        assert snapshot(files) == before
        assert not strays(fast)
        assert state.history()[0].state == "rolled-back"


def test_what_somebody_changed_after_the_kill_is_left_and_said(fast: Path) -> None:
    files = _lay_out(fast)
    state = State(fast / "state", Recorder())

    def die() -> bool:
        os.kill(os.getpid(), signal.SIGKILL)
        return True

    assert _killed_at(_NEVER, lambda: _afresh(state).apply(_plan(files), die))
    (files / "a").write_bytes(b"theirs")
    (change,) = state.recover()
    assert change.left == (str(files / "a"),)
    assert "/a was changed by somebody else" in change.notes[0]
    assert (files / "a").read_bytes() == b"theirs"
    assert (files / "b").read_bytes() == b"old b\n"
    assert not (files / "unit.d").exists()
    assert state.recover() == ()
