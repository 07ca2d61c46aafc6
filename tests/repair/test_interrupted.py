"""Two signals at any moment leave no change half made: it is there whole, or taken back whole.

A child sends itself the first signal at its n-th call that changes the disk, or at its n-th line
of the engine, for n = 1, 2, 3, …; the second one comes some steps later.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from itertools import count, product
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import tabbydoctor.repair
from tabbydoctor.repair import interrupts
from tabbydoctor.repair.changes import DaemonReload, FileChange, Plan, Restart
from tabbydoctor.repair.engine import State
from tests.repair.trees import Recorder, Snapshot, edit, removal, snapshot, strays
from tests.sampling import sampled

CALLS = {
    *("write", "flush", "fsync", "rename", "replace", "link", "unlink", "remove"),
    *("mkdir", "open", "rmdir", "flock", "fchmod", "chmod", "fchown", "chown"),
    *("setxattr", "removexattr", "close"),
}
ENGINE = os.path.dirname(tabbydoctor.repair.__file__)
PAIRS = list(product(interrupts.SIGNALS, repeat=2))
GAPS = (0, 1, 7, 60, 300)
DONE, INTERRUPTED = 0, 10


class Steps:
    """Sends the first signal at one step, the second at a later one of the other kind.

    What a profile or trace function raises ends it; so each of the two sends one signal.
    """

    def __init__(self, first: str, at: int, gap: int, pair: tuple[int, ...]) -> None:
        self.first, self.at, self.gap, self.pair = first, at, gap, pair
        self.sent = 0

    def start(self) -> None:
        if self.first == "line":
            sys.settrace(self._trace)
        else:
            sys.setprofile(self._profile)

    def _step(self, kind: str) -> None:
        if self.sent == 0 and kind == self.first:
            self.at -= 1
            if self.at <= 0:
                self._send()
        elif self.sent == 1 and kind != self.first:
            self.gap -= 1
            if self.gap <= 0:
                self._send()

    def _send(self) -> None:
        """Before the first one, what waits for the second is set up."""
        self.sent += 1
        if self.sent == 1 and self.first == "line":
            sys.setprofile(self._profile)
        elif self.sent == 1:
            sys.settrace(self._trace)
            frame: FrameType | None = sys._getframe()
            while frame := frame and frame.f_back:
                frame.f_trace = self._trace(frame, "call", None)
        os.kill(os.getpid(), self.pair[self.sent - 1])

    def _profile(self, frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and called.__name__ in CALLS:
            self._step("call")

    def _trace(self, frame: FrameType, event: str, called: Any) -> Any:
        if not frame.f_code.co_filename.startswith(ENGINE):
            return None
        if event == "line":
            self._step("line")
        return self._trace


def interrupted(steps: Steps, work: Callable[[], object]) -> tuple[int, int, str]:
    """The child's exit code (the signal, negative, where one killed it), the signals, its words."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writer, 2)
        code = 99
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for number in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            steps.start()
            work()
            code = DONE
        except KeyboardInterrupt:
            code = INTERRUPTED
        finally:
            sys.settrace(None)
            sys.setprofile(None)
            os.write(2, b"\0%d" % steps.sent)
            os._exit(code)
    os.close(writer)
    with open(reader, encoding="utf-8", errors="replace") as words:
        said, _, sent = words.read().partition("\0")
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), int(sent or 1), said


@pytest.fixture
def fast(tmp_path: Path) -> Iterator[Path]:
    """A directory where fsync costs nothing, if there is one."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as directory:
        yield Path(directory)


def _plan(files: Path) -> Plan:
    changes: tuple[FileChange, ...] = (
        edit(files / "a", b"new a, and longer\n"),
        removal(files / "b"),
        edit(files / "unit.d" / "x.conf", b"[Service]\n"),
    )
    return Plan("repair", changes, (DaemonReload(), Restart("x.service")))


def _apply(state: State, files: Path) -> object:
    return state.apply(_plan(files), lambda: True)


def _disproven(state: State, files: Path) -> object:
    return state.apply(_plan(files), lambda: False)


def _undo(state: State, files: Path) -> object:
    return state.undo()


def _recover(state: State, files: Path) -> object:
    return state.recover()


def _half_made(state: State, files: Path) -> None:
    def die() -> bool:
        os.kill(os.getpid(), signal.SIGKILL)
        return True

    child = os.fork()
    if child == 0:
        State(state.directory, Recorder()).apply(_plan(files), die)
    os.waitpid(child, 0)


def _nothing(state: State, files: Path) -> None:
    pass


PHASES: dict[str, tuple[Callable[[State, Path], object], Callable[[State, Path], object]]] = {
    "apply": (_nothing, _apply),
    "roll back": (_nothing, _disproven),
    "undo": (_apply, _undo),
    "recover": (_half_made, _recover),
}
SAID = {
    "apply": "taking everything back; that goes on to its end",
    "roll back": "taking everything back; that goes on to its end",
    "undo": "a change is being taken back; that goes on to its end",
    "recover": "a change is being taken back; that goes on to its end",
}


def _lay_out(root: Path) -> tuple[Path, Snapshot]:
    for name in ("files", "state"):
        shutil.rmtree(root / name, ignore_errors=True)
    files = root / "files"
    files.mkdir()
    (files / "a").write_bytes(b"old a\n")
    (files / "b").write_bytes(b"old b\n")
    (files / "b").chmod(0o600)
    return files, snapshot(files)


@pytest.mark.parametrize("first", ["call", "line"])
@pytest.mark.parametrize("phase", sampled(PHASES, 4))
def test_two_signals_at_every_step(fast: Path, phase: str, first: str) -> None:
    prepare, work = PHASES[phase]
    files, old = _lay_out(fast)
    State(fast / "state", Recorder()).apply(_plan(files), lambda: True)
    new = snapshot(files)
    runs = twice = told = 0
    stride = 1 if first == "call" else 31  # some thousand lines, a prime: each kind is met
    for number in count(1, stride):
        pair, gap = PAIRS[runs % len(PAIRS)], GAPS[runs % len(GAPS)]
        files, old = _lay_out(fast)
        state = State(fast / "state", Recorder())
        prepare(state, files)
        code, sent, said = interrupted(
            Steps(first, number, gap, pair),
            lambda: work(State(fast / "state", Recorder()), files),  # noqa: B023 - now
        )
        if sent == 0:
            assert code == DONE, said
            break
        runs += 1
        twice += sent == 2
        assert code in (DONE, INTERRUPTED, -pair[0], -pair[1]), (number, gap, pair, said)
        assert "Traceback" not in said
        assert said in ("", f"tabbydoctor: interrupted: {SAID[phase]}\n"), said
        told += bool(said)
        states = [change.state for change in state.history()]
        if phase != "recover" or states[0] != "prepared":
            assert not {"prepared", "undoing", "rolling-back"} & set(states), (number, gap, states)
        if phase == "apply" and code == INTERRUPTED and said:
            assert snapshot(files) == old  # what is said is so
        state.recover()
        assert snapshot(files) in (old, new), (number, gap, pair, code)
        assert not strays(fast)
        if state.history() and state.history()[0].state in ("verified", "applied"):
            state.undo()
        assert snapshot(files) == old
    print(f"{phase}, from each {first} on: {runs} runs, {twice} with two signals, {told} told so")
    assert runs > 40
    assert twice > runs / 2
    assert told > runs / 3


def test_an_ignored_hangup_stays_ignored() -> None:
    """As nohup(1) wants it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupts.held():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_thread_has_no_signals() -> None:
    seen: list[object] = []

    def work() -> None:
        with interrupts.held("nothing"), interrupts.open_to_interrupts():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL]


def test_what_waits_in_a_loop_is_cancelled_cleanly() -> None:
    """Nothing is logged of tasks that were never asked for their outcome; it ends once."""
    import asyncio

    cleared: list[str] = []

    async def one() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleared.append("one")

    async def wait() -> None:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
        await asyncio.gather(one(), one())

    with interrupts.held(), pytest.raises(KeyboardInterrupt), interrupts.open_to_interrupts():
        interrupts.run(wait())
    assert cleared == ["one", "one"]
