"""Any sequence of changes and undos over a few files leads back to the start."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tabbydoctor.repair import safefile
from tabbydoctor.repair.changes import FileChange
from tabbydoctor.repair.engine import State
from tabbydoctor.repair.errors import NothingToUndo, RepairError
from tabbydoctor.repair.states import FileState
from tests.repair.trees import Recorder, plan, snapshot, strays

NAMES = ("a", "b", "sub/c", "sub/deep/d")
STATES = st.none() | st.builds(
    FileState,
    content=st.binary(max_size=8),
    mode=st.sampled_from([0o600, 0o644, 0o755, 0o4711]),
    xattrs=st.dictionaries(st.sampled_from(["user.x", "user.y"]), st.binary(max_size=4)),
)
APPLY = st.tuples(st.dictionaries(st.sampled_from(NAMES), STATES, min_size=1), st.booleans())
UNDO = st.none() | st.integers(min_value=0, max_value=5)


def _apply(state: State, root: Path, wanted: dict[str, FileState | None], verdict: bool) -> None:
    paths = {str(root / name): after for name, after in wanted.items()}
    changes = (FileChange(path, safefile.read(path), after) for path, after in paths.items())
    planned = plan(*changes)
    change = state.apply(planned, lambda: verdict)
    for made in planned.files:
        assert safefile.read(made.path) == (made.after if verdict else made.before)
    assert change.verified is verdict


def _undo(state: State, number: int | None) -> None:
    ids = [change.id for change in state.history()]
    chosen = ids[number] if number is not None and number < len(ids) else None
    with contextlib.suppress(RepairError):  # nothing left, or a later change is in the way
        state.undo(chosen)


@settings(max_examples=60, deadline=None)
@given(st.lists(APPLY | UNDO, max_size=8))
def test_back_to_the_start(
    steps: list[tuple[dict[str, FileState | None], bool] | int | None],
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "files"
        root.mkdir()
        (root / "a").write_bytes(b"old")
        (root / "sub").mkdir()
        (root / "sub" / "c").write_bytes(b"old")
        before = snapshot(root)
        state = State(Path(directory) / "state", Recorder())
        for step in steps:
            if isinstance(step, tuple):
                _apply(state, root, *step)
            else:
                _undo(state, step)
        with contextlib.suppress(NothingToUndo):
            while True:
                state.undo()
        assert snapshot(root) == before
        assert not strays(Path(directory))
