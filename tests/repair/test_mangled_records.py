"""A mangled record is damaged for itself alone: it is named, and every other one can be undone."""

from __future__ import annotations

import copy
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tabbydoctor.repair.changes import DaemonReload, FileChange, Restart
from tabbydoctor.repair.engine import State
from tabbydoctor.repair.errors import NothingToUndo, RepairError
from tabbydoctor.reports import history_view
from tests.repair.trees import Recorder, edit, permissions, plan, removal, snapshot

ACTIONS = (DaemonReload(), Restart("router.service", "ivan"))
GIGABYTES = 1 << 40
DEEP = 200_000


@pytest.fixture(scope="module")
def scene() -> Iterator[tuple[Path, list[str]]]:
    """Three changes of files of their own, the second of every kind; their ids."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        root = Path(name) / "kept"
        files = root / "files"
        files.mkdir(parents=True)
        for file in ("first", "a", "b", "c", "last"):
            (files / file).write_bytes(f"old {file}\n".encode())
        os.setxattr(files / "a", "user.note", b"kept")
        live = root.with_name("live")
        root.rename(live)
        state, files = State(live / "state", Recorder()), live / "files"
        every: list[FileChange] = [
            edit(files / "a", b"new a\n"),
            removal(files / "b"),
            permissions(files / "c", 0o600),
            edit(files / "unit.d" / "x.conf", b"[Service]\n"),
        ]
        ids = [
            str(state.apply(plan(edit(files / "first", b"new")), lambda: True).id),
            str(state.apply(plan(*every, actions=ACTIONS), lambda: True).id),
            str(state.apply(plan(edit(files / "last", b"new"))).id),
        ]
        live.rename(root)
        yield Path(name), ids


def afresh(scene: tuple[Path, list[str]]) -> tuple[State, Path, list[str]]:
    """The state, its directory of records, and the ids."""
    root, ids = scene
    shutil.rmtree(root / "live", ignore_errors=True)
    shutil.copytree(root / "kept", root / "live")
    os.setxattr(root / "live/files/a", "user.note", b"kept")
    return State(root / "live/state", Recorder()), root / "live/state/changes", ids


def whole(files: Path) -> None:
    """Each file of the mangled change is what it was before or after it."""
    assert (files / "a").read_bytes() in (b"old a\n", b"new a\n")
    assert not (files / "b").exists() or (files / "b").read_bytes() == b"old b\n"
    assert (files / "c").read_bytes() == b"old c\n"


def the_others_live(state: State, ids: list[str], *, damaged: bool) -> None:
    """All are listed and can be shown; the two others are undone; the middle one fails clearly."""
    history = state.history()
    assert [change.id for change in history] == ids[::-1]
    assert [history[0].state, history[2].state] == ["applied", "verified"]
    text = history_view.as_text(history, 80)
    text.encode()
    json.dumps(history_view.as_json(history))
    files = state.directory.parent / "files"
    if damaged:
        assert history[1].state == "damaged"
        assert ids[1] in text
        assert "its record cannot be read" in text
        with pytest.raises(RepairError, match=ids[1]) as caught:
            state.undo(ids[1])
        assert caught.value.hint
        assert state.undo().id == ids[2]
        assert state.undo().id == ids[0]
        with pytest.raises(NothingToUndo):
            state.undo()
    else:
        undone_or_told(state, ids[1])
        undone_or_told(state, ids[2])
        undone_or_told(state, ids[0])
        whole(files)
    assert (files / "first").read_bytes() == b"old first\n"
    assert (files / "last").read_bytes() == b"old last\n"


def undone_or_told(state: State, id: str) -> None:
    try:
        state.undo(id)
    except RepairError as error:
        told = error.message and (id in error.message or error.hint)
    else:
        told = "undone"
    assert told


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict | list):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(one, (*path, key))


def _replaced(document: Any, path: tuple[Any, ...], new: Any, *, drop: bool) -> Any:
    if not path:
        return new
    document = copy.deepcopy(document)
    place = document
    for key in path[:-1]:
        place = place[key]
    if drop:
        del place[path[-1]]
    else:
        place[path[-1]] = new
    return document


NESTED = "@nested@"
ODD = st.one_of(
    st.sampled_from([
        None, True, False, 0, -1, 1, 2**31, 2**32 - 1, 2**64, 10**4000, 0.5, float("inf"),
        "", "x", "/", "..", "relative", "/a/../b", "/a\0b", "\udcff", "\ud800", "0o644", "7777",
        "99999", "-644", "rolled-back", "prepared", "undoing", "rolling-back", "undone",
        [], {}, [[]], [None], {"": None}, NESTED,
        "../../../x", "A" * 64, "a" * 64, "0" * 64, "x" * 100_000, "restart", "daemon-reload",
    ]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=6,
    ),
)  # fmt: skip
seen: dict[str, int] = {}


@settings(deadline=None)
@given(data=st.data())
def test_any_place_of_the_manifest(scene: tuple[Path, list[str]], data: st.DataObject) -> None:
    state, records, ids = afresh(scene)
    manifest = records / ids[1] / "manifest.json"
    document = json.loads(manifest.read_text())
    summed = data.draw(st.booleans())
    if not summed:  # as version 0.1.0 wrote it
        del document["sha256"]
    path = data.draw(st.sampled_from(list(_places(document))))
    drop, new = data.draw(st.booleans()), data.draw(ODD)
    # Without a sum nothing tells "created" from "changed" where a mode alone was changed.
    assume(summed or new is not None or path[-1:] not in (("before",), ("after",)))
    text = json.dumps(_replaced(document, path, new, drop=drop and bool(path)))
    manifest.write_text(text.replace(f'"{NESTED}"', "[" * DEEP + "]" * DEEP))
    found = state.history()[1].state
    seen[found] = seen.get(found, 0) + 1
    blocked = found == "damaged" and state._journal.entries()[1].suspected != ()  # type: ignore[union-attr]
    if blocked:
        for id in ids:
            undone_or_told(state, id)
        whole(records.parent.parent / "files")
    else:
        the_others_live(state, ids, damaged=found == "damaged")


def test_most_of_that_is_damage() -> None:
    if sum(seen.values()) > 100:
        print(seen)
        assert seen["damaged"] > sum(seen.values()) / 2


@pytest.mark.parametrize(
    ("old", "new"),
    [('"mode": "0644"', '"mode": "0666"'), ('"verified"', '"undone"'), ("/unit.d", "/unit.e")],
)
def test_what_has_the_form_of_a_record_is_told_by_its_sum(
    scene: tuple[Path, list[str]], old: str, new: str
) -> None:
    state, records, ids = afresh(scene)
    manifest = records / ids[1] / "manifest.json"
    text = manifest.read_text()
    assert old in text
    manifest.write_text(text.replace(old, new))
    the_others_live(state, ids, damaged=True)


@settings(deadline=None)
@given(data=st.data())
def test_any_bytes_of_the_manifest(scene: tuple[Path, list[str]], data: st.DataObject) -> None:
    state, records, ids = afresh(scene)
    manifest = records / ids[1] / "manifest.json"
    content = manifest.read_bytes()
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, len(content)))
    manifest.write_bytes(content[:start] + data.draw(st.binary(max_size=8)) + content[end:])
    state.history()
    for id in ids:
        undone_or_told(state, id)
    files = records.parent.parent / "files"
    whole(files)
    assert (files / "first").read_bytes() == b"old first\n"


def _instead(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
        make(path)

    return replace


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        try:
            file.truncate(GIGABYTES)
        except OSError:
            file.truncate(1 << 32)


def _elsewhere(path: Path) -> None:
    """A link to a true copy beside it: nothing is wrong but that it is a link."""
    path.symlink_to(path.with_name("copy"))


INSTEAD: dict[str, Callable[[Path], None]] = {
    "nothing": _instead(lambda path: None),
    "an empty file": _instead(lambda path: path.write_bytes(b"")),
    "a directory": _instead(lambda path: path.mkdir()),
    "a FIFO": _instead(os.mkfifo),
    "a link": _instead(_elsewhere),
    "a link to nowhere": _instead(lambda path: path.symlink_to("nowhere")),
    "a link to a device": _instead(lambda path: path.symlink_to("/dev/zero")),
    "gigabytes": _instead(_sparse),
    "other bytes": _instead(lambda path: path.write_bytes(b"\xff\xfe\0" * 100)),
}


@pytest.mark.parametrize("what", INSTEAD)
@pytest.mark.parametrize("which", ["manifest", "content", "record"])
def test_something_else_in_its_place(scene: tuple[Path, list[str]], which: str, what: str) -> None:
    state, records, ids = afresh(scene)
    record = records / ids[1]
    content = next(path for path in sorted(record.iterdir()) if path.name != "manifest.json")
    path = {"manifest": record / "manifest.json", "content": content, "record": record}[which]
    if which != "record":
        shutil.copy(path, path.with_name("copy"))
    before = snapshot(records.parent.parent / "files")
    INSTEAD[what](path)
    if (which, what) == ("record", "nothing"):
        assert [change.id for change in state.history()] == [ids[2], ids[0]]
        return
    the_others_live(state, ids, damaged=True)
    after = snapshot(records.parent.parent / "files")
    assert {name for name in before if before[name] != after[name]} <= {"first", "last"}


@pytest.mark.parametrize("latest", [True, False])
def test_the_latest_that_is_whole_is_undone(scene: tuple[Path, list[str]], latest: bool) -> None:
    state, records, ids = afresh(scene)
    mangled = ids[2] if latest else ids[0]
    (records / mangled / "manifest.json").write_text("[" * DEEP)
    assert state.undo().id == ids[1 if latest else 2]


@pytest.mark.parametrize("files", ["known", "unknown"])
def test_a_change_that_may_be_half_made_is_in_the_way_of_its_files(
    scene: tuple[Path, list[str]], files: str
) -> None:
    """Killed in the middle, and its record is damaged: nobody can take it back."""
    state, records, ids = afresh(scene)
    manifest = records / ids[1] / "manifest.json"
    document = json.loads(manifest.read_text())
    document["state"] = "prepared"
    if files == "known":
        del document["made_at"]
    else:
        document["files"][0]["path"] = 5
    manifest.write_text(json.dumps(document))
    theirs, own = state.directory.parent / "files/a", state.directory.parent / "files/first"
    with pytest.raises(RepairError, match="may be half made") as caught:
        state.apply(plan(edit(theirs, b"newer")))
    assert caught.value.hint.endswith(f"then move {records / ids[1]} away")
    assert theirs.read_bytes() == b"new a\n"
    if files == "known":
        assert str(theirs) in caught.value.hint
        state.undo(ids[0])
        assert own.read_bytes() == b"old first\n"
    else:
        with pytest.raises(RepairError, match="may be half made"):
            state.undo(ids[0])
    (records / ids[1]).rename(records.parent / "away")
    state.apply(plan(edit(theirs, b"newer")))


def test_left_overs_of_any_kind_are_in_nobodys_way(scene: tuple[Path, list[str]]) -> None:
    state, records, ids = afresh(scene)
    for place in (records, records / ids[0], records / ids[2]):
        (place / ".partial-manifest.json").mkdir()
        (place / ".partial-manifest.json" / "x").touch()
        os.mkfifo(place / ".partial-fifo")
        (place / ".partial-link").symlink_to("/")
    os.mkfifo(records.parent / "fifo")
    (records.parent / "lock.pid").unlink(missing_ok=True)
    os.mkfifo(records.parent / "lock.pid")
    assert state.undo().id == ids[2]
    assert state.undo(ids[0]).id == ids[0]
    assert not [path for path in records.rglob(".partial-*") if ids[1] not in path.parts]


def test_an_id_of_the_end_of_time_stops_no_repair(scene: tuple[Path, list[str]]) -> None:
    state, records, _ = afresh(scene)
    own = state.directory.parent / "files/first"
    (records / "20991231T235959Z-ffff").mkdir()
    change = state.apply(plan(edit(own, b"newer")))
    assert change.id == "21000101T000000Z-0000"
    assert state.undo().id == change.id
    (records / "99991231T235959Z-ffff").mkdir()
    with pytest.raises(RepairError, match="no id is later") as caught:
        state.apply(plan(edit(own, b"newer")))
    assert "move" in caught.value.hint
