"""Where changes are recorded, and one repair at a time."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tabbydoctor.cli.app import run
from tabbydoctor.repair import state_directory
from tabbydoctor.repair.engine import open_state
from tabbydoctor.repair.errors import Busy, NothingToUndo, RepairError
from tests.repair.trees import edit, plan, state_in

HOLDER = """
import sys, time
from tabbydoctor.repair.engine import open_state
with open_state(sys.argv[1]).repairing():
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
    with state.repairing():
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


@pytest.mark.root(reason="to give it away")
def test_one_of_somebody_else_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    with pytest.raises(RepairError, match="belongs to uid 65534"):
        open_state(str(tmp_path))
    (tmp_path / "link").symlink_to("/var/lib")
    with pytest.raises(RepairError, match="is a symbolic link"):
        open_state(str(tmp_path / "link" / "tabbydoctor"))


def _mine(place: Path) -> None:
    place.mkdir(mode=0o700)


def _theirs_above(place: Path) -> None:
    _mine(place)
    os.chown(place.parent, 65534, 65534)


def _theirs_far_above(place: Path) -> None:
    _mine(place)
    os.chown(place.parent.parent, 65534, 65534)


def _everybodys_above(place: Path) -> None:
    _mine(place)
    place.parent.chmod(0o777)


def _a_groups_above(place: Path) -> None:
    _mine(place)
    os.chown(place.parent, 0, 65534)
    place.parent.chmod(0o775)


def _their_link(place: Path) -> None:
    _mine(place.with_name("real"))
    place.symlink_to("real")
    os.lchown(place, 65534, 65534)


def _their_link_above(place: Path) -> None:
    (place.parent.with_name("real") / place.name).mkdir(parents=True, mode=0o700)
    place.parent.rmdir()
    place.parent.symlink_to("real")
    os.lchown(place.parent, 65534, 65534)


def _own_link_to_theirs(place: Path) -> None:
    real = place.parent.with_name("real")
    (real / "state").mkdir(parents=True, mode=0o700)
    os.chown(real, 65534, 65534)
    place.symlink_to(real / "state")


def _missing_below_theirs(place: Path) -> None:
    os.chown(place.parent, 65534, 65534)


REFUSED = {
    "below another account's": (_theirs_above, "cannot be trusted: .* belongs to"),
    "far below another account's": (_theirs_far_above, "cannot be trusted: .* belongs to"),
    "below everybody's": (_everybodys_above, "can be written by everybody"),
    "below a group's": (_a_groups_above, "can be written by its group"),
    "another account's link": (_their_link, "is a symbolic link that others"),
    "below another account's link": (_their_link_above, "is a symbolic link that others"),
    "an own link to below another's": (_own_link_to_theirs, "belongs to"),
    "not there yet, below another's": (_missing_below_theirs, "belongs to"),
}


@pytest.mark.root(reason="to give it away")
@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("uid", [0, 1])
def test_what_others_may_exchange_is_refused(tmp_path_for_all: Path, kind: str, uid: int) -> None:
    """As root, and as an account without privileges."""
    lay_out, said = REFUSED[kind]
    place = tmp_path_for_all / "above" / "near" / "state"
    place.parent.mkdir(parents=True)
    lay_out(place)
    if uid:
        for path in (*tmp_path_for_all.rglob("*"),):
            if path.lstat().st_uid == 0:
                os.lchown(path, uid, -1)
    before = sorted(tmp_path_for_all.rglob("*"))
    for command in ("history", "undo", "fix"):
        refused = _as(uid, lambda command=command: _refusal(command, place))  # type: ignore[misc]
        assert re.search(said, refused), refused
        assert "--state-dir" in refused
    assert sorted(tmp_path_for_all.rglob("*")) == before


def _refusal(command: str, place: Path) -> str:
    try:
        state = open_state(str(place))
        if command == "history":
            state.history()
        elif command == "undo":
            state.undo()
        else:
            with state.repairing():
                pass
    except RepairError as error:
        return f"{error.message}\n{error.hint}"
    return "accepted"


def _as(uid: int, work: Callable[[], str]) -> str:
    """What it returns when an account does it, in a child."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        os.write(writer, work().encode())
        os._exit(0)
    os.close(writer)
    with open(reader) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said


@pytest.mark.root(reason="to become another account")
@pytest.mark.parametrize("uid", [0, 1])
def test_an_own_one_in_tmp_is_fine(uid: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o1777)
        place = Path(name) / "new" / "state"
        assert _as(uid, lambda: _refusal("fix", place)) == "accepted"
        assert _as(uid, lambda: _refusal("history", place)) == "accepted"
        assert place.stat().st_uid == uid
        assert stat.S_IMODE(place.stat().st_mode) == 0o700


@pytest.mark.root(reason="to give it away")
@pytest.mark.parametrize("way", ["option", "variable", "settings"])
def test_however_it_is_named(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "theirs" / "state"
    place.mkdir(parents=True, mode=0o700)
    os.chown(place.parent, 65534, 65534)
    (tmp_path / "settings.toml").write_text(f'state_dir = "{place}"\n')
    given = {
        "option": ["--state-dir", str(place)],
        "variable": [],
        "settings": ["--settings", str(tmp_path / "settings.toml")],
    }[way]
    if way == "variable":
        monkeypatch.setenv("TABBYDOCTOR_STATE_DIR", str(place))
    for command in (["history"], ["undo"], ["fix", "--auth", "--yes"]):
        assert run([*command, *given, "--dir", str(tmp_path)]) == 2
        assert "cannot be trusted" in capsys.readouterr().err


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
    with state.repairing():
        assert state.recover() == ()
        assert state.apply(plan(edit(tmp_path / "f", b"new")), lambda: True).verified
        with pytest.raises(Busy):
            state_in(tmp_path).undo()
    state_in(tmp_path).undo()
