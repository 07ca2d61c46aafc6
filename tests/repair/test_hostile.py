"""A service's directory belongs to its user, who may be hostile to root."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import stat
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tabbydoctor.repair import directories, safefile
from tabbydoctor.repair.errors import RepairError, Unreachable
from tabbydoctor.repair.states import FileState
from tests.repair.trees import edit, plan, snapshot, state_in

pytestmark = pytest.mark.root(reason="root is who is attacked")
TAG = "20261123T053612Z-4f2a"
NOBODY = 65534
ROUNDS = 300


@pytest.fixture
def theirs(tmp_path_for_all: Path) -> Path:
    """A directory of another account, with a configuration."""
    directory = tmp_path_for_all / "theirs"
    directory.mkdir()
    (directory / "config.yml").write_bytes(b"old")
    for path in (directory, directory / "config.yml"):
        os.chown(path, NOBODY, NOBODY)
    return directory


@pytest.fixture
def victim(tmp_path_for_all: Path) -> Path:
    """A directory of root's that must never change."""
    directory = tmp_path_for_all / "victim"
    directory.mkdir()
    (directory / "config.yml").write_bytes(b"root's own")
    return directory


@contextlib.contextmanager
def attacker(attack: Callable[[], object]) -> Iterator[None]:
    """Attacks as nobody, over and over, in another process, until it is ended."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            while True:
                with contextlib.suppress(FileNotFoundError, FileExistsError, IsADirectoryError):
                    attack()
                if writer >= 0:
                    os.write(writer, b"!")
                    writer = -1
        except BaseException:  # noqa: BLE001 - the child must end here, not in pytest
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(writer)
    try:
        assert os.read(reader, 1) == b"!", "the attacker failed"
        yield
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "the attacker failed"


def _attacked_writes(path: Path) -> int:
    """Read and replace the file many times; how often that worked."""
    worked = 0
    for number in range(ROUNDS):
        try:
            before = safefile.read(str(path))
            safefile.replace(str(path), before, FileState(b"ours %d" % number), TAG)
        except RepairError:
            continue
        worked += 1
    return worked


def test_a_link_in_the_place_of_the_file(theirs: Path, victim: Path) -> None:
    before = snapshot(victim)
    target, link = theirs / "config.yml", theirs / "link"

    def attack() -> None:
        with contextlib.suppress(FileExistsError):
            link.symlink_to(victim / "config.yml")
        link.rename(target)
        fresh = theirs / f"fresh{secrets.randbelow(4)}"
        fresh.write_bytes(b"old")
        fresh.rename(target)

    with attacker(attack):
        _attacked_writes(target)
    assert snapshot(victim) == before


def test_a_link_in_the_place_of_the_directory(theirs: Path, victim: Path) -> None:
    before = snapshot(victim)
    inner = theirs / "inner"
    inner.mkdir()
    (inner / "config.yml").write_bytes(b"old")
    for path in (inner, inner / "config.yml"):
        os.chown(path, NOBODY, NOBODY)

    def attack() -> None:
        inner.rename(theirs / "aside")
        inner.symlink_to(victim)
        inner.unlink()
        (theirs / "aside").rename(inner)

    with attacker(attack):
        _attacked_writes(inner / "config.yml")
    assert snapshot(victim) == before


def test_a_link_in_the_place_of_the_temporary_file(theirs: Path, victim: Path) -> None:
    before = snapshot(victim)

    def attack() -> None:
        for name in os.listdir(theirs):
            if name.startswith(safefile.PREFIX):
                (theirs / name).unlink()
                (theirs / name).symlink_to(victim / "config.yml")

    with attacker(attack):
        _attacked_writes(theirs / "config.yml")
    assert snapshot(victim) == before


def test_a_link_while_a_change_is_made_and_undone(
    theirs: Path, victim: Path, tmp_path_for_all: Path
) -> None:
    before = snapshot(victim)
    state = state_in(tmp_path_for_all)
    target, link = theirs / "config.yml", theirs / "link"

    def attack() -> None:
        with contextlib.suppress(FileExistsError):
            link.symlink_to(victim / "config.yml")
        link.rename(target)
        target.unlink()

    with attacker(attack):
        for number in range(30):
            with contextlib.suppress(RepairError):
                made = edit(theirs / "unit.d" / "x.conf", b"[Service]\n%d" % number)
                state.apply(plan(edit(target, b"ours %d" % number), made))
                state.undo()
    assert snapshot(victim) == before


def test_links_that_others_may_have_placed_are_named(theirs: Path, victim: Path) -> None:
    (theirs / "link.yml").symlink_to(victim / "config.yml")
    (theirs / "sub").symlink_to(victim)
    for path, link in (("link.yml", "link.yml"), ("sub/config.yml", "sub")):
        with pytest.raises(Unreachable, match=f"/theirs/{link} is a symbolic link") as caught:
            safefile.read(str(theirs / path))
        assert caught.value.hint.endswith(f"readlink -f {theirs / link}")


def test_a_link_that_comes_after_the_walk(
    theirs: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last moment there is: the directory is open, the file not yet."""
    target = theirs / "config.yml"

    @contextlib.contextmanager
    def swapped(path: str) -> Iterator[directories.DirectoryEntry]:
        with directories.place(path) as found:
            target.unlink()
            target.symlink_to(victim / "config.yml")
            yield found

    monkeypatch.setattr(safefile, "place", swapped)
    with pytest.raises(Unreachable, match="exchanged for a symbolic link"):
        safefile.read(str(target))


def test_no_link_is_trusted_below_a_directory_of_others(theirs: Path, victim: Path) -> None:
    """Root's own link in root's own directory, which others can put elsewhere."""
    (theirs / "roots").mkdir()
    (theirs / "roots" / "link").symlink_to(victim / "config.yml")
    with pytest.raises(Unreachable):
        safefile.read(str(theirs / "roots" / "link"))


def test_links_of_others_in_a_sticky_directory_are_refused(
    tmp_path_for_all: Path, victim: Path
) -> None:
    shared = tmp_path_for_all / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "link").symlink_to(victim / "config.yml")
    with pytest.raises(Unreachable):
        safefile.read(str(shared / "link"))


def test_links_of_roots_own_are_followed_and_stay(victim: Path, tmp_path_for_all: Path) -> None:
    (tmp_path_for_all / "opt").symlink_to("victim/../victim")
    (tmp_path_for_all / "link.yml").symlink_to(tmp_path_for_all / "opt" / "config.yml")
    path = str(tmp_path_for_all / "link.yml")
    before = safefile.read(path)
    assert before is not None
    safefile.replace(path, before, before.with_content(b"new"), TAG)
    assert (victim / "config.yml").read_bytes() == b"new"
    assert (tmp_path_for_all / "link.yml").is_symlink()
    (tmp_path_for_all / "loop").symlink_to("loop")
    with pytest.raises(RepairError, match="levels of symbolic links"):
        safefile.read(str(tmp_path_for_all / "loop"))


def test_a_directory_made_in_theirs_is_theirs(theirs: Path) -> None:
    directories.make_directory(str(theirs / "unit.d"))
    status = (theirs / "unit.d").stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (NOBODY, NOBODY, 0o755)


def test_their_file_keeps_its_owner(theirs: Path, tmp_path_for_all: Path) -> None:
    before = snapshot(theirs)
    state = state_in(tmp_path_for_all)
    state.apply(plan(edit(theirs / "config.yml", b"new")))
    assert (theirs / "config.yml").stat().st_uid == NOBODY
    state.undo()
    assert snapshot(theirs) == before


def test_handles_are_closed(theirs: Path, victim: Path) -> None:
    (theirs / "link").symlink_to(victim / "config.yml")
    opened = len(os.listdir("/proc/self/fd"))
    for name in ("link", "config.yml", "no/such", "config.yml/x", "../victim/config.yml"):
        with contextlib.suppress(RepairError):
            safefile.read(str(theirs / name))
            safefile.replace(str(theirs / name), None, None, TAG)
    assert len(os.listdir("/proc/self/fd")) == opened
