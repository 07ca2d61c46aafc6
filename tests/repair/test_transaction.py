"""Whole changes: applied, proven, rolled back, undone."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from tabbydoctor.host.data import CommandResult
from tabbydoctor.invocation import again
from tabbydoctor.repair.changes import DaemonReload, Enable, FileChange, Plan, Restart
from tabbydoctor.repair.engine import State
from tabbydoctor.repair.errors import ChangedMeanwhile, NothingToUndo, RepairError
from tabbydoctor.repair.states import FileState
from tests.repair.trees import (
    Recorder,
    edit,
    permissions,
    plan,
    removal,
    snapshot,
    state_in,
    strays,
)

ACTIONS = (DaemonReload(), Restart("router.service"))
RELOAD = "systemctl --no-ask-password daemon-reload"
RESTART = "systemctl --no-ask-password restart -- router.service"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A directory with three files."""
    root = tmp_path / "files"
    root.mkdir()
    for name in ("a", "b", "c"):
        (root / name).write_bytes(f"old {name}\n".encode())
    (root / "b").chmod(0o600)
    os.setxattr(root / "a", "user.note", b"1")
    return root


@pytest.fixture
def state(tmp_path: Path) -> State:
    """Nothing recorded yet."""
    return state_in(tmp_path)


def _all_kinds(files: Path) -> Plan:
    return plan(
        edit(files / "a", b"new a\n"),
        removal(files / "b"),
        permissions(files / "c", 0o600),
        edit(files / "unit.d" / "deeper" / "x.conf", b"[Service]\n"),
        actions=ACTIONS,
    )


def test_applied_verified_and_undone_to_the_byte(files: Path, tmp_path: Path) -> None:
    runner = Recorder()
    state = state_in(tmp_path, runner)
    before = snapshot(files)
    change = state.apply(_all_kinds(files), lambda: True)
    assert (change.state, change.verified, change.rolled_back) == ("verified", True, False)
    assert runner.ran == [
        RELOAD,
        "systemctl --no-ask-password reset-failed -- router.service",
        RESTART,
    ]
    assert (files / "a").read_bytes() == b"new a\n"
    assert not (files / "b").exists()
    assert stat.S_IMODE((files / "unit.d").stat().st_mode) == 0o755
    runner.ran.clear()
    undone = state.undo()
    assert (undone.id, undone.state, undone.notes) == (change.id, "undone", ())
    assert snapshot(files) == before
    assert [ran for ran in runner.ran if "reset" not in ran] == [RELOAD, RESTART]
    assert not strays(tmp_path)


def test_unproven_stays_applied(files: Path, state: State) -> None:
    change = state.apply(plan(edit(files / "a", b"x")), lambda: None)
    assert (change.state, change.verified) == ("applied", None)
    assert state.apply(plan(edit(files / "b", b"x"))).state == "applied"


def test_failing_verification_rolls_back(files: Path, tmp_path: Path) -> None:
    runner = Recorder()
    state = state_in(tmp_path, runner)
    before = snapshot(files)
    change = state.apply(_all_kinds(files), lambda: False)
    assert (change.state, change.verified, change.rolled_back) == ("rolled-back", False, True)
    assert snapshot(files) == before
    assert runner.ran.count(RESTART) == 2
    with pytest.raises(NothingToUndo):
        state.undo()


def test_a_failing_restart_rolls_back_and_is_said_without_secrets(
    files: Path, tmp_path: Path
) -> None:
    state = state_in(tmp_path, Recorder(failing="restart"))
    before = snapshot(files)
    change = state.apply(_all_kinds(files), lambda: pytest.fail("nothing to verify"))
    assert change.rolled_back
    assert change.notes[0] == f"{RESTART}: Unit failed, api_key: [redacted]"
    assert snapshot(files) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_exception_in_the_verification_rolls_back(
    files: Path, state: State, error: type[BaseException]
) -> None:
    before = snapshot(files)

    def verify() -> bool:
        raise error

    with pytest.raises(error):
        state.apply(_all_kinds(files), verify)
    assert snapshot(files) == before
    assert state.history()[0].state == "rolled-back"


def test_changed_since_the_plan_nothing_is_written_or_recorded(files: Path, state: State) -> None:
    planned = _all_kinds(files)
    (files / "c").write_bytes(b"theirs")
    before = snapshot(files)
    with pytest.raises(ChangedMeanwhile, match="/c was changed by somebody else"):
        state.apply(planned)
    assert snapshot(files) == before
    assert state.history() == ()


def test_changed_on_the_way_the_rest_is_rolled_back(files: Path, state: State) -> None:
    """`a` is written when `c` turns out to be somebody else's."""
    planned = plan(edit(files / "a", b"new"), edit(files / "c", b"new"))
    really = state._journal.prepare

    def prepare(wanted: Plan, directories: tuple[str, ...]) -> object:
        (files / "c").write_bytes(b"theirs")
        return really(wanted, directories)

    state._journal.prepare = prepare  # type: ignore[method-assign,assignment]
    with pytest.raises(RepairError, match="/c was changed by somebody else") as caught:
        state.apply(planned)
    assert "/c" in caught.value.hint
    assert (files / "a").read_bytes() == b"old a\n"
    assert (files / "c").read_bytes() == b"theirs"
    assert state.history()[0].left == (str(files / "c"),)


def test_a_plan_holds_no_more_once_a_file_it_only_read_is_another(
    files: Path, state: State, tmp_path: Path
) -> None:
    read = edit(files / "a", b"old a\n")
    made_from = plan(read, edit(files / "c", b"new c\n")).needed
    assert [change.path for change in made_from.files] == [str(files / "c")]
    (files / "a").write_bytes(b"changed\n")
    before = snapshot(files)
    with pytest.raises(ChangedMeanwhile, match="/a was changed by somebody else"):
        state.apply(made_from, lambda: True)
    assert snapshot(files) == before


def test_nothing_to_change_records_nothing(files: Path, state: State, tmp_path: Path) -> None:
    nothing = plan(edit(files / "a", b"old a\n"))
    assert nothing.empty
    assert nothing.diff() == ""
    assert state.apply(nothing, lambda: True).id is None
    assert not (tmp_path / "state").exists()


def test_unit_actions_alone_are_done_and_not_recorded(tmp_path: Path) -> None:
    runner = Recorder()
    state = state_in(tmp_path, runner)
    change = state.apply(Plan("restart", actions=(Restart("x.service"),)), lambda: True)
    assert (change.id, change.state, change.units) == (None, "verified", ("x.service",))
    assert runner.ran[-1] == "systemctl --no-ask-password restart -- x.service"
    assert state.history() == ()


def test_no_restart_reloads_only(files: Path, tmp_path: Path) -> None:
    runner = Recorder()
    state = state_in(tmp_path, runner)
    state.apply(_all_kinds(files), restart=False)
    state.undo(restart=False)
    assert runner.ran == [RELOAD, RELOAD]


def test_undo_takes_one_after_the_other_then_nothing(files: Path, state: State) -> None:
    before = snapshot(files)
    first = state.apply(plan(edit(files / "a", b"1")))
    second = state.apply(plan(edit(files / "a", b"2"), edit(files / "b", b"2")))
    assert [change.id for change in state.history()] == [second.id, first.id]
    with pytest.raises(RepairError, match="/a was changed by somebody else") as caught:
        state.undo(first.id)
    assert caught.value.hint == f"undo the later change first: {again(f'undo {second.id}')}"
    assert state.undo().id == second.id
    assert state.undo().id == first.id
    assert snapshot(files) == before
    with pytest.raises(NothingToUndo, match="nothing to undo"):
        state.undo()
    with pytest.raises(NothingToUndo, match="taken back already"):
        state.undo(first.id)
    with pytest.raises(NothingToUndo, match="there is no change"):
        state.undo("20200101T000000Z-0000")


def test_an_older_change_of_other_files_can_be_undone(files: Path, state: State) -> None:
    first = state.apply(plan(edit(files / "a", b"1")))
    state.apply(plan(edit(files / "b", b"2")))
    state.undo(first.id)
    assert (files / "a").read_bytes() == b"old a\n"
    assert (files / "b").read_bytes() == b"2"


def test_undo_is_all_or_nothing(files: Path, state: State) -> None:
    state.apply(_all_kinds(files))
    (files / "unit.d" / "deeper" / "x.conf").write_bytes(b"theirs")
    before = snapshot(files)
    with pytest.raises(ChangedMeanwhile, match=r"x\.conf was changed by somebody else"):
        state.undo()
    assert snapshot(files) == before
    assert state.history()[0].state == "applied"


def test_undo_leaves_a_directory_others_use(files: Path, state: State) -> None:
    state.apply(_all_kinds(files))
    (files / "unit.d" / "theirs.conf").write_bytes(b"theirs")
    state.undo()
    assert os.listdir(files / "unit.d") == ["theirs.conf"]


def test_undo_where_the_directory_is_gone(files: Path, state: State) -> None:
    (files / "sub").mkdir()
    (files / "sub" / "f").write_bytes(b"1")
    state.apply(plan(removal(files / "sub" / "f")))
    (files / "sub").rmdir()
    with pytest.raises(ChangedMeanwhile):
        state.undo()
    assert state.history()[0].state == "applied"


def test_what_is_back_already_needs_no_undo(files: Path, state: State) -> None:
    state.apply(plan(edit(files / "a", b"new"), edit(files / "c", b"new")))
    (files / "c").write_bytes(b"old c\n")
    assert state.undo().state == "undone"
    assert (files / "a").read_bytes() == b"old a\n"


def test_undo_is_done_though_the_restart_fails(files: Path, tmp_path: Path) -> None:
    """The configuration that is put back may be a broken one."""
    state_in(tmp_path).apply(_all_kinds(files))
    change = state_in(tmp_path, Recorder(failing="restart")).undo()
    assert change.state == "undone"
    assert change.left == ()
    assert "restart" in change.notes[0]


def test_the_record_is_whole_and_private(files: Path, state: State, tmp_path: Path) -> None:
    change = state.apply(_all_kinds(files))
    for path in (tmp_path / "state").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    manifest = tmp_path / "state" / "changes" / str(change.id) / "manifest.json"
    document = json.loads(manifest.read_text())
    assert document["schema_version"] == 1
    assert document["state"] == "applied"
    assert [file["path"] for file in document["files"]] == list(change.targets)
    contents = {path.read_bytes() for path in manifest.parent.iterdir()}
    assert {b"old a\n", b"new a\n", b"old b\n", b"[Service]\n"} < contents


def test_ids_are_in_order_even_within_a_second(files: Path, state: State) -> None:
    ids = [state.apply(plan(edit(files / "a", b"%d" % n))).id for n in range(5)]
    assert [change.id for change in state.history()] == ids[::-1]


def test_damaged_records_are_named_and_do_not_stand_in_the_way(
    files: Path, state: State, tmp_path: Path
) -> None:
    first = state.apply(plan(edit(files / "a", b"1")))
    second = state.apply(plan(edit(files / "b", b"2")))
    records = tmp_path / "state" / "changes"
    (records / str(second.id) / "manifest.json").write_text('{"schema_version": 99}')
    assert [change.state for change in state.history()] == ["damaged", "applied"]
    with pytest.raises(RepairError, match="another version of tabbydoctor"):
        state.undo(second.id)
    for blob in (records / str(first.id)).iterdir():
        if blob.name != "manifest.json":
            blob.write_bytes(b"bit rot")
    with pytest.raises(RepairError, match="is damaged"):
        state.undo(first.id)
    assert (files / "a").read_bytes() == b"1"


def test_undecodable_names_and_contents(files: Path, state: State) -> None:
    path = files / os.fsdecode(b"\xff\xfe name\n")
    path.write_bytes(bytes(range(256)))
    before = snapshot(files)
    planned = plan(edit(path, b"text"))
    assert "binary content: 256 bytes become 4" in planned.diff()
    state.apply(planned)
    assert state.undo().targets == (str(path),)
    assert snapshot(files) == before


def test_a_plan_is_judged_at_once(files: Path) -> None:
    change = edit(files / "a", b"x")
    with pytest.raises(RepairError, match="twice"):
        plan(change, change)
    for path in ("relative", "/a/../b", "/a//b", "/a\0"):
        with pytest.raises(RepairError, match="absolute"):
            plan(FileChange(path, None, FileState(b"")))


def test_a_unit_that_it_enables_is_stopped_before_its_file_goes(
    files: Path, tmp_path: Path
) -> None:
    """Also with `--no-restart`: it is the change's own, and what it does at its end is in there."""
    unit = files / "front.service"
    seen: list[tuple[str, bool]] = []

    class Watching(Recorder):
        def __call__(self, argv: Sequence[str], time_limit: float) -> CommandResult:
            seen.append((argv[2], unit.exists()))
            return super().__call__(argv, time_limit)

    before = snapshot(files)
    state = state_in(tmp_path, Watching())
    state.apply(plan(edit(unit, b"[Service]\n"), actions=(DaemonReload(), Enable(unit.name))))
    assert seen == [("daemon-reload", True), ("enable", True), ("start", True)]
    seen.clear()
    state.undo(restart=False)
    assert seen == [
        ("stop", True),
        ("disable", True),
        ("reset-failed", True),
        ("daemon-reload", False),
    ]
    assert snapshot(files) == before
