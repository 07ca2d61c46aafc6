"""Records made by an earlier version are listed, finished and taken back (`data/README.md`)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tabbydoctor.cli.app import run
from tabbydoctor.repair.engine import State
from tabbydoctor.repair.errors import NothingToUndo
from tests.repair.trees import Recorder, Snapshot, snapshot, strays

DATA = Path(__file__).parent / "data" / "records"
CASES = sorted(path.name for path in DATA.iterdir())
UNFINISHED = ["prepared", "rolling-back", "undoing"]
IN_FORCE = [name for name in CASES if name.startswith("fix-")] + ["applied", "verified"]
SIDES: dict[str, Callable[[int], str]] = {
    "old": lambda n: "before",
    "new": lambda n: "after",
    "half": lambda n: ("before", "after")[n % 2],
    "other half": lambda n: ("after", "before")[n % 2],
}


def lay_out(name: str, root: Path, side: Callable[[int], str]) -> tuple[State, dict[str, Any]]:
    """The record, and its files as they were before or after the change."""
    (source,) = (DATA / name).iterdir()
    place = root / "state" / "changes" / source.name
    place.mkdir(parents=True)
    for path in (root / "state", place.parent, place):
        path.chmod(0o700)
    for path in source.iterdir():
        (place / path.name).write_bytes(path.read_bytes().replace(b"@ROOT@", os.fsencode(root)))
    manifest = place / "manifest.json"
    document: dict[str, Any] = json.loads(manifest.read_text())
    for number, file in enumerate(document["files"]):
        for state in filter(None, (file["before"], file["after"])):
            state["uid"], state["gid"] = os.geteuid(), os.getegid()
        _make(Path(file["path"]), file[side(number)], place)
    manifest.write_text(json.dumps(document))
    return State(root / "state", Recorder()), document


def _make(path: Path, state: dict[str, Any] | None, contents: Path) -> None:
    if state is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((contents / state["sha256"]).read_bytes())
    for name in state["xattrs"]:
        os.setxattr(path, name, b"kept")
    path.chmod(int(state["mode"], 8))


def _before(name: str, root: Path) -> Snapshot:
    lay_out(name, root, SIDES["old"])
    (root / "files").mkdir(exist_ok=True)
    return snapshot(root / "files")


@pytest.mark.parametrize("name", CASES)
def test_it_is_listed(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, document = lay_out(name, tmp_path, SIDES["new"])
    for format in ("text", "json"):
        given = ["--format", format, "--state-dir", str(tmp_path / "state")]
        assert run(["history", *given]) == 0
    text, _, machine = capsys.readouterr().out.partition("{")
    assert document["id"] in text
    (entry,) = json.loads("{" + machine)["history"]
    assert (entry["id"], entry["state"]) == (document["id"], document["state"])
    assert len(entry["targets"]) == len(document["files"])


@pytest.mark.parametrize("name", IN_FORCE)
def test_it_is_undone_to_the_byte(tmp_path: Path, name: str) -> None:
    (tmp_path / "0").mkdir()
    (tmp_path / "1").mkdir()
    before = _before(name, tmp_path / "0")
    state, document = lay_out(name, tmp_path / "1", SIDES["new"])
    assert snapshot(tmp_path / "1" / "files") != before
    undone = state.undo()
    assert (undone.id, undone.state, undone.left) == (document["id"], "undone", ())
    assert snapshot(tmp_path / "1" / "files") == before


@pytest.mark.parametrize("name", UNFINISHED)
@pytest.mark.parametrize("side", SIDES)
def test_it_is_finished(tmp_path: Path, name: str, side: str) -> None:
    (tmp_path / "0").mkdir()
    (tmp_path / "1").mkdir()
    before = _before(name, tmp_path / "0")
    state, document = lay_out(name, tmp_path / "1", SIDES[side])
    (tmp_path / "1" / "files").mkdir(exist_ok=True)
    (change,) = state.recover()
    assert (change.id, change.left) == (document["id"], ())
    assert change.state == ("undone" if name == "undoing" else "rolled-back")
    assert snapshot(tmp_path / "1" / "files") == before
    assert not strays(tmp_path)


@pytest.mark.parametrize("name", ["rolled-back", "undone"])
def test_what_is_over_is_not_undone_again(tmp_path: Path, name: str) -> None:
    state, document = lay_out(name, tmp_path, SIDES["old"])
    with pytest.raises(NothingToUndo):
        state.undo()
    with pytest.raises(NothingToUndo, match="taken back already"):
        state.undo(document["id"])
