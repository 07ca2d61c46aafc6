"""One file, read and replaced to the byte."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tabbydoctor.repair import safefile
from tabbydoctor.repair.errors import ChangedMeanwhile, RepairError, Unreachable
from tabbydoctor.repair.states import FileState
from tests.repair.trees import snapshot, strays

TAG = "20261123T053612Z-4f2a"
root_only = pytest.mark.root(reason="to give files away")


def _replace(path: Path, content: bytes) -> None:
    before = safefile.read(str(path))
    assert before is not None
    safefile.replace(str(path), before, before.with_content(content), TAG)


def test_content_changes_and_mode_and_attributes_stay(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\n")
    path.chmod(0o4751)
    os.setxattr(path, "user.note", b"kept")
    inode = path.stat().st_ino
    _replace(path, b"a: 2\n")
    assert path.read_bytes() == b"a: 2\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o4751
    assert os.getxattr(path, "user.note") == b"kept"
    assert path.stat().st_ino != inode
    assert not strays(tmp_path)


@root_only
def test_owner_and_access_control_list_stay(tmp_path: Path) -> None:
    path = tmp_path / "api_tokens.yml"
    path.write_bytes(b"old")
    path.chmod(0o640)
    os.chown(path, 12345, 54321)
    try:
        subprocess.run(["setfacl", "-m", "u:4242:r,g:777:rw,m::r", path], check=True)
    except FileNotFoundError:
        pytest.skip("setfacl is not installed")
    before = snapshot(tmp_path)["api_tokens.yml"]
    assert "system.posix_acl_access" in str(before)
    _replace(path, b"new")
    assert snapshot(tmp_path)["api_tokens.yml"] == (b"new", *before[1:])  # type: ignore[index]


@root_only
def test_a_new_file_inherits_no_access_control_list(tmp_path: Path) -> None:
    try:
        subprocess.run(["setfacl", "-d", "-m", "u:4242:rw", tmp_path], check=True)
    except FileNotFoundError:
        pytest.skip("setfacl is not installed")
    path = tmp_path / "new"
    safefile.replace(str(path), None, FileState(b"secret", 0o600), TAG)
    assert os.listxattr(path) == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_creation_and_removal(tmp_path: Path) -> None:
    path = tmp_path / "new"
    state = FileState(b"content", 0o604, xattrs={"user.x": b"\0\xff"})
    safefile.replace(str(path), None, state, TAG)
    assert safefile.read(str(path)) == state
    safefile.replace(str(path), state, None, TAG)
    assert safefile.read(str(path)) is None
    assert os.listdir(tmp_path) == []


def test_what_changed_since_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"planned")
    before = safefile.read(str(path))
    assert before is not None
    path.write_bytes(b"theirs")
    for after in (before.with_content(b"ours"), None):
        with pytest.raises(ChangedMeanwhile, match="left as it is"):
            safefile.replace(str(path), before, after, TAG)
    with pytest.raises(ChangedMeanwhile):
        safefile.replace(str(path), None, before, TAG)
    path.write_bytes(b"planned")
    path.chmod(0o600)
    with pytest.raises(ChangedMeanwhile):
        safefile.replace(str(path), before, None, TAG)
    assert path.read_bytes() == b"planned"
    assert not strays(tmp_path)


@pytest.mark.parametrize("existed", [True, False])
def test_changed_in_the_last_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existed: bool
) -> None:
    """After the new content is written, before it is put in place."""
    path = tmp_path / "f"
    if existed:
        path.write_bytes(b"planned")
    before = safefile.read(str(path))
    really = os.fsync

    def meddle(handle: int) -> None:
        path.write_bytes(b"theirs!")
        really(handle)

    monkeypatch.setattr(os, "fsync", meddle)
    with pytest.raises(ChangedMeanwhile):
        safefile.replace(str(path), before, FileState(b"ours"), TAG)
    assert path.read_bytes() == b"theirs!"
    assert os.listdir(tmp_path) == ["f"]


def test_hard_links_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x")
    os.link(path, tmp_path / "other name")
    with pytest.raises(Unreachable, match=r"2 names \(hard links\)") as caught:
        safefile.read(str(path))
    assert "find / -xdev -samefile" in caught.value.hint


def test_only_regular_files_of_a_sane_size(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "directory").mkdir()
    with (tmp_path / "endless").open("wb") as file:
        file.truncate(1 << 40)
    for name in ("fifo", "directory", "endless"):
        with pytest.raises(RepairError):
            safefile.read(str(tmp_path / name))
    with pytest.raises(RepairError, match="Not a directory"):
        safefile.read("/dev/null/x")


def test_missing_files_and_directories_are_absent(tmp_path: Path) -> None:
    assert safefile.read(str(tmp_path / "no")) is None
    assert safefile.read(str(tmp_path / "no" / "such")) is None
    with pytest.raises(ChangedMeanwhile):
        safefile.replace(str(tmp_path / "no" / "such"), None, FileState(b""), TAG)


def test_temporaries_of_one_change_are_cleared(tmp_path: Path) -> None:
    mine, other = f".tabbydoctor-{TAG}-00", ".tabbydoctor-20260101T000000Z-0000-00"
    for name in (mine, other, "config.yml"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / f"{mine}dir").mkdir()
    safefile.clear_temporaries(str(tmp_path / "config.yml"), TAG)
    assert sorted(os.listdir(tmp_path)) == sorted([other, f"{mine}dir", "config.yml"])


def test_state_shows_no_content() -> None:
    assert "secret" not in repr(FileState(b"secret", xattrs={"user.x": b"secret"}))
