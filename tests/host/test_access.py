"""`access` against the kernel itself: who it says may, may; who it says may not, may not."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tabbydoctor.deployment.paths import path_status
from tabbydoctor.host.access import PathStatus
from tabbydoctor.host.data import FileStatus
from tabbydoctor.host.local import LocalHost

pytestmark = pytest.mark.root(reason="to become others")

OWNER, MEMBER, NAMED, STRANGER = 61001, 61002, 61003, 61004
TEAM, GUESTS = 62001, 62002
PEOPLE = {OWNER: [OWNER], MEMBER: [MEMBER, TEAM], NAMED: [NAMED, GUESTS], STRANGER: [STRANGER]}
NO_ID = 0xFFFFFFFF

# What a process of the account can really do, told by doing it.
TRY = """
import json, os, sys
flags = {"r": os.O_RDONLY, "w": os.O_WRONLY}
done = {}
for path in json.load(sys.stdin):
    for want, flag in flags.items():
        try:
            os.close(os.open(path, flag))
            done[f"{path}:{want}"] = True
        except PermissionError:
            done[f"{path}:{want}"] = False
json.dump(done, sys.stdout)
"""


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that everyone may search (pytest's own is closed to others)."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def attempts(uid: int, paths: list[Path]) -> dict[str, bool]:
    groups = PEOPLE[uid]
    done = subprocess.run(
        [os.path.realpath(sys.executable), "-I", "-c", TRY],
        input=json.dumps([str(path) for path in paths]),
        user=uid,
        group=groups[0],
        extra_groups=groups,
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, bool] = json.loads(done.stdout)
    return answer


def assert_as_the_kernel(paths: list[Path]) -> None:
    host = LocalHost()
    chains = {path: path_status(host, str(path)) for path in paths}
    for uid, groups in PEOPLE.items():
        really = attempts(uid, paths)
        for path, chain in chains.items():
            for want in ("r", "w"):
                said = chain.denied_at(uid, groups, want) is None
                mode = f"{chain.leaf.permissions:04o} acl={chain.leaf.acl!r}"
                assert said == really[f"{path}:{want}"], f"{uid} {want} {path} {mode}"


def acl(*entries: tuple[int, int, int]) -> bytes:
    """The attribute that setfacl(1) writes: tag, permissions, id."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def test_every_mode(open_directory: Path) -> None:
    paths = []
    for mode in itertools.product((0, 4, 6, 2), repeat=3):
        path = open_directory / "".join(map(str, mode))
        path.touch()
        os.chown(path, OWNER, TEAM)
        path.chmod(mode[0] << 6 | mode[1] << 3 | mode[2])
        paths.append(path)
    assert_as_the_kernel(paths)


def test_directories_on_the_way(open_directory: Path) -> None:
    paths = []
    for mode in (0o755, 0o711, 0o750, 0o700, 0o701, 0o070, 0o007):
        directory = open_directory / f"{mode:o}"
        directory.mkdir()
        (directory / "file").touch(0o666)
        (directory / "file").chmod(0o666)
        os.chown(directory, OWNER, TEAM)
        directory.chmod(mode)
        paths.append(directory / "file")
    assert_as_the_kernel(paths)


def test_through_a_link(open_directory: Path) -> None:
    closed = open_directory / "closed"
    closed.mkdir()
    (closed / "file").touch(0o644)
    closed.chmod(0o700)
    os.chown(closed, OWNER, OWNER)
    link = open_directory / "link"
    link.symlink_to(closed / "file")
    assert_as_the_kernel([link])
    assert path_status(LocalHost(), str(link)).denied_at(STRANGER, [STRANGER], "r") is not None


USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32


@pytest.mark.parametrize("user", [0, 4, 6])
@pytest.mark.parametrize("group", [0, 4, 6])
@pytest.mark.parametrize("mask", [0, 4, 6])
def test_access_control_lists(open_directory: Path, user: int, group: int, mask: int) -> None:
    paths = []
    for owning, other in itertools.product((0, 4, 6), (0, 4)):
        path = open_directory / f"{owning}{other}"
        path.touch()
        os.chown(path, OWNER, TEAM)
        entries = acl(
            (USER_OBJ, 6, NO_ID),
            (USER, user, NAMED),
            (GROUP_OBJ, owning, NO_ID),
            (GROUP, group, GUESTS),
            (MASK, mask, NO_ID),
            (OTHER, other, NO_ID),
        )
        try:
            os.setxattr(path, "system.posix_acl_access", entries)
        except OSError as error:
            pytest.skip(f"this file system has no ACL: {error}")
        paths.append(path)
    assert_as_the_kernel(paths)


def test_root_may_read_what_is_closed() -> None:
    closed = FileStatus("/x", 0o100000, 1, 1, 0, 0.0)
    assert PathStatus((closed,)).denied_at(0, [0], "r") is None
    assert PathStatus((closed,)).denied_at(0, [0], "x") is closed


def private(uid: int, name: str = "/var/lib/private") -> PathStatus:
    """systemd's directory, closed to all, and a service's own in it with a file."""
    return PathStatus(
        (
            status("/", 0o40755, 0),
            status(name, 0o40700, 0),
            status(f"{name}/llm", 0o40755, 0),
            status(f"{name}/llm/tabby", 0o40755, uid),
            status(f"{name}/llm/tabby/api_tokens.yml", 0o100600, uid),
        )
    )


@pytest.mark.parametrize("name", ["/var/lib/private", "/var/cache/private"])
def test_systemd_opens_its_own_to_a_dynamic_user(name: str) -> None:
    assert private(61200, name).denied_at(61200, (), "r") is None


@pytest.mark.parametrize(("owner", "uid"), [(61200, 61201), (61200, 1000), (1000, 1000)])
def test_it_stays_closed_to_others(owner: int, uid: int) -> None:
    barrier = private(owner).denied_at(uid, (), "r")
    assert barrier is not None
    assert barrier.path == "/var/lib/private"


def test_no_other_closed_directory_is_passed() -> None:
    barrier = private(61200, "/srv/private").denied_at(61200, (), "r")
    assert barrier is not None


def status(path: str, mode: int, uid: int) -> FileStatus:
    return FileStatus(path, mode, uid, uid, 0, 0.0)
