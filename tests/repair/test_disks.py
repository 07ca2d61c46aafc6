"""Disks that are full or read-only, files that may not be written: said, and all as before."""

from __future__ import annotations

import contextlib
import os
import subprocess
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tabbydoctor.repair import safefile
from tabbydoctor.repair.errors import RepairError
from tests.repair.trees import Recorder, edit, plan, snapshot, state_in, strays

root_only = pytest.mark.root(reason="mounts, other accounts")


@contextlib.contextmanager
def mounted(directory: Path, options: str) -> Iterator[Path]:
    """A small tmpfs."""
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tabbydoctor-test", str(directory)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"cannot mount: {done.stderr.strip()}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True)


def _fill(directory: Path) -> None:
    free = os.statvfs(directory)
    with (directory / "ballast").open("wb", buffering=0) as file:
        file.write(b"x" * free.f_bavail * free.f_bsize)
    assert os.statvfs(directory).f_bavail == 0


@root_only
def test_a_full_disk_takes_everything_back(tmp_path: Path) -> None:
    with mounted(tmp_path / "full", "size=64k") as full:
        (tmp_path / "a").write_bytes(b"old")
        (full / "b").write_bytes(b"old")
        _fill(full)
        before = snapshot(full)
        planned = plan(edit(tmp_path / "a", b"new"), edit(full / "b", b"new" * 5000))
        state = state_in(tmp_path)
        with pytest.raises(RepairError, match="No space left on device") as caught:
            state.apply(planned)
        assert "free some space" in caught.value.hint
        assert snapshot(full) == before
        assert (tmp_path / "a").read_bytes() == b"old"
        assert not strays(tmp_path)
        assert state.history()[0].state == "rolled-back"


@root_only
def test_a_full_state_directory_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    planned = plan(edit(tmp_path / "a", b"new" * 5000))
    with mounted(tmp_path / "full", "size=64k,mode=700") as full:
        state = state_in(full)
        with state.repairing():
            _fill(full)
        with pytest.raises(RepairError, match=r"cannot record the change .*No space left"):
            state.apply(planned)
        assert (tmp_path / "a").read_bytes() == b"old"
        assert state.history() == ()
        assert not strays(full)


@root_only
def test_the_state_directory_fills_up_on_the_way(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with mounted(tmp_path / "full", "size=64k,mode=700") as full:
        state = state_in(full)

        def verify() -> bool:
            _fill(full)
            return True

        with pytest.raises(RepairError, match="No space left"):
            state.apply(plan(edit(tmp_path / "a", b"new")), verify)
        assert (tmp_path / "a").read_bytes() == b"old"
        (full / "ballast").unlink()
        assert [change.state for change in state.recover()] == ["rolled-back"]


@root_only
def test_a_disk_that_becomes_read_only_is_finished_later(tmp_path: Path) -> None:
    """Undo writes one file, cannot write the other, and goes on when it can."""
    with mounted(tmp_path / "disk", "size=64k") as disk:
        (tmp_path / "a").write_bytes(b"old")
        (disk / "b").write_bytes(b"old")
        runner = Recorder()
        state = state_in(tmp_path, runner)
        state.apply(plan(edit(tmp_path / "a", b"new"), edit(disk / "b", b"new")))
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(RepairError, match="Read-only file system") as caught:
            state.undo()
        assert "mounted read-only" in caught.value.hint
        assert (tmp_path / "a").read_bytes() == b"old"
        assert state.history()[0].state == "undoing"
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        assert state.undo().state == "undone"
        assert (disk / "b").read_bytes() == b"old"


@root_only
def test_an_immutable_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    if subprocess.run(["chattr", "+i", path], capture_output=True).returncode:
        pytest.skip("this file system knows no immutable files")
    try:
        with pytest.raises(RepairError, match="Operation not permitted") as caught:
            state_in(tmp_path).apply(plan(edit(path, b"new")))
        assert "immutable" in caught.value.hint
        assert not strays(tmp_path)
    finally:
        subprocess.run(["chattr", "-i", path], check=True)


def _as_nobody(work: Callable[[], object]) -> None:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            work()
            status = 0
        except BaseException:  # noqa: BLE001 - the child must end here, not in pytest
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0, "see the child's output"


@root_only
def test_permission_lost_on_the_way(tmp_path_for_all: Path) -> None:
    """An ordinary user may write one file's directory and not the other's."""
    tmp_path = tmp_path_for_all
    for name in ("own", "foreign"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_bytes(b"old")
        (tmp_path / name / "f").chmod(0o644)
    os.chown(tmp_path / "own", 65534, 65534)
    os.chown(tmp_path / "own" / "f", 65534, 65534)
    before = snapshot(tmp_path / "own" / "f")

    def work() -> None:
        state = state_in(tmp_path / "own")
        planned = plan(*(edit(tmp_path / name / "f", b"new") for name in ("own", "foreign")))
        with pytest.raises(RepairError, match=r"foreign/f: Permission denied") as caught:
            state.apply(planned)
        assert caught.value.hint == "run it with sudo"
        assert state.history()[0].state == "rolled-back"
        with pytest.raises(RepairError, match="cannot read"):
            safefile.read("/etc/shadow")

    _as_nobody(work)
    assert snapshot(tmp_path / "own" / "f") == before
    assert not strays(tmp_path)
