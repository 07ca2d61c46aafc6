"""Reading by handles: the same answer as the account's own, and no way around it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabbydoctor.host import Account
from tabbydoctor.host.data import FileContent
from tabbydoctor.host.local import LocalHost

pytestmark = pytest.mark.root(reason="root is who lends its eyes")

SERVICE = Account("tabby", 61001, 61001, groups=(61001, 61009))
OTHER = 61002
OWNERS = (0, SERVICE.uid, OTHER)
MODES = (0o000, 0o004, 0o040, 0o400, 0o440, 0o600, 0o644, 0o700, 0o711, 0o750, 0o755)
SECRET = b"root's own"


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every account may pass."""
    with tempfile.TemporaryDirectory(prefix="walk-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def read_by(account: Account, path: Path) -> bytes | None:
    """What a child with the account's uid, gid and groups reads there; None if it may not."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            os.setgroups(account.groups)
            os.setgid(account.gid)
            os.setuid(account.uid)
            with open(path, "rb") as file:
                os.write(writer, b"+" + file.read(1000))
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as answer:
        found = answer.read()
    os.waitpid(child, 0)
    return found[1:] if found else None


def read_for(account: Account | None, path: Path) -> bytes | None:
    """What root's doctor reads there for an account; None if it does not."""
    with contextlib.suppress(OSError):
        return LocalHost().read(str(path), reader=account).data
    return None


owners, modes = st.sampled_from(OWNERS), st.sampled_from(MODES)


@given(
    directories=st.lists(st.tuples(owners, owners, modes), min_size=1, max_size=3),
    file=st.tuples(owners, owners, modes),
    linked=st.sampled_from(["no", "file", "directory", "chain", "relative"]),
    listed=st.booleans(),
)
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_root_reads_for_an_account_what_it_reads_itself(
    directories: list[tuple[int, int, int]], file: tuple[int, int, int], linked: str, listed: bool
) -> None:
    with tempfile.TemporaryDirectory(prefix="walk-", dir="/var/tmp") as name:
        top = Path(name)
        own = top / "own"
        inner = own
        for number in range(len(directories)):
            inner = inner / f"d{number}"
        inner.mkdir(parents=True)
        (inner / "file").write_bytes(b"content")
        asked = _linked(own, inner, linked)
        for path, (uid, gid, mode) in zip(
            [inner / "file", *[inner, *inner.parents][: len(directories)]],
            [file, *reversed(directories)],
            strict=True,
        ):
            os.chown(path, uid, gid)
            path.chmod(mode)
        if listed and shutil.which("setfacl"):
            subprocess.run(["setfacl", "-m", f"u:{SERVICE.uid}:r", inner / "file"], check=True)
        for path in (top, own):
            path.chmod(0o755)
        os.chown(own, SERVICE.uid, SERVICE.gid)  # all of it can be bent
        assert read_for(SERVICE, asked) == read_by(SERVICE, asked)


def _linked(own: Path, inner: Path, how: str) -> Path:
    if how == "no":
        return inner / "file"
    link, target = own / "link", inner / "file"
    if how == "directory":
        link.symlink_to(inner)
        return link / "file"
    if how == "chain":
        (own / "second").symlink_to(target)
        target = Path("second")
    if how == "relative":
        target = target.relative_to(own)
    link.symlink_to(target)
    return link


def test_on_a_way_that_only_root_can_bend_root_reads_as_root(place: Path) -> None:
    (place / "file").write_bytes(SECRET)
    (place / "file").chmod(0o600)
    (place / "link").symlink_to("file")
    assert read_for(SERVICE, place / "file") == SECRET
    assert read_for(SERVICE, place / "link") == SECRET
    assert LocalHost().way(str(place / "link")).shaper is None


@pytest.fixture
def victim(place: Path) -> Path:
    """A file of root's, closed to all."""
    (place / "victim").mkdir(mode=0o700)
    file = place / "victim" / "file"
    file.write_bytes(SECRET)
    file.chmod(0o600)
    return file


@pytest.fixture
def theirs(place: Path) -> Path:
    """A directory of the service's account."""
    directory = place / "theirs"
    directory.mkdir()
    os.chown(directory, SERVICE.uid, SERVICE.gid)
    return directory


WAYS: dict[str, Callable[[Path, Path], object]] = {
    "link": lambda at, victim: at.symlink_to(victim),
    "relative link": lambda at, victim: at.symlink_to(os.path.relpath(victim, at.parent)),
    "link of root's": lambda at, victim: at.symlink_to(victim),
    "hard link": lambda at, victim: at.hardlink_to(victim),
    "moved": lambda at, victim: victim.rename(at),
    "by /proc/self/cwd": lambda at, victim: at.symlink_to(f"/proc/self/root{victim}"),
    "by /proc/1/root": lambda at, victim: at.symlink_to(f"/proc/1/root{victim}"),
    "with dots": lambda at, victim: at.symlink_to(f"{victim.parent}/../victim/./file"),
}


@pytest.mark.parametrize("reader", [SERVICE, None], ids=["for the service", "for nobody named"])
@pytest.mark.parametrize("way", WAYS)
def test_no_way_leads_to_what_the_account_may_not_read(
    theirs: Path, victim: Path, way: str, reader: Account | None
) -> None:
    WAYS[way](theirs / "tokens", victim)
    assert read_for(reader, theirs / "tokens") is None
    with pytest.raises(PermissionError):
        LocalHost().names(str(_linked_directory(theirs, victim)), reader)


def _linked_directory(theirs: Path, victim: Path) -> Path:
    (theirs / "directory").symlink_to(victim.parent)
    return theirs / "directory"


def test_a_mount_leads_nowhere_else(theirs: Path, victim: Path) -> None:
    at = theirs / "tokens"
    at.touch()
    script = f"mount --bind {victim} {at} && exec {sys.executable} -c '{_SHOW}' {at}"
    shown = subprocess.run(
        ["unshare", "--mount", "bash", "-c", script], capture_output=True, text=True, check=False
    )
    if "unshare" in shown.stderr:
        pytest.skip("no mount namespace can be made here")
    assert (shown.stdout, shown.returncode) == ("PermissionError\n", 0), shown.stderr


_SHOW = """
import sys
sys.path[:0] = [p for p in sys.argv[2:]]
from tabbydoctor.host import Account
from tabbydoctor.host.local import LocalHost
try:
    print(LocalHost().read(sys.argv[1], reader=Account("tabby", 61001, 61001)).data)
except OSError as error:
    print(type(error).__name__)
"""


def test_exchanged_at_any_moment(theirs: Path, victim: Path) -> None:
    """An account that swaps file, link and directory without end: nothing of root's is read."""
    good = theirs / "good"
    good.mkdir()
    for path in (good, good / "file"):
        path.touch() if path.name == "file" else None
        os.chown(path, SERVICE.uid, SERVICE.gid)

    def attack() -> None:
        way = random.choice(list(WAYS.values())[:2])
        with contextlib.suppress(OSError):
            way(theirs / "new", victim)
            (theirs / "new").rename(good / "file")
        with contextlib.suppress(OSError):
            good.rename(theirs / "aside")
            good.symlink_to(victim.parent)
            good.unlink()
            (theirs / "aside").rename(good)
        with contextlib.suppress(OSError):
            fresh = theirs / f"f{secrets.randbelow(4)}"
            fresh.write_bytes(b"theirs")
            fresh.rename(good / "file")

    with attacker(attack):
        read = [read_for(SERVICE, good / "file") for _ in range(3000)]
    assert SECRET not in read
    print(f"{len(read)} reads, {sum(one is not None for one in read)} of the account's own")
    assert b"theirs" in read, "the account never had a file there: the test proves nothing"


@contextlib.contextmanager
def attacker(attack: Callable[[], object]) -> Iterator[None]:
    """Attacks as the service's account in another process, until it is ended."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(SERVICE.gid)
            os.setuid(SERVICE.uid)
            while True:
                attack()
        finally:
            os._exit(1)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "the attacker failed"


def test_a_container_s_root_is_no_text(place: Path) -> None:
    """An absolute link inside leads to the container's file of that path, never to the host's."""
    inside = place / "inside"
    (inside / "app").mkdir(parents=True)
    (inside / "real").write_bytes(b"the container's")
    (inside / "app" / "tokens").symlink_to("/real")
    (inside / "app" / "passwd").symlink_to("/etc/passwd")
    (inside / "app" / "up").symlink_to("../../../../../../etc/passwd")
    with in_root(inside) as root:
        assert read_for(None, root / "app/tokens") == b"the container's"
        for name in ("passwd", "up"):
            assert read_for(None, root / "app" / name) is None
        host = LocalHost()
        assert host.real_path(f"{root}/app/tokens") == f"{root}/real"
        assert host.way(f"{root}/app/tokens").leaf.path == f"{root}/real"
        with pytest.raises(FileNotFoundError):
            host.status(f"{root}/app/passwd")


@contextlib.contextmanager
def in_root(directory: Path) -> Iterator[Path]:
    """`/proc/PID/root` of a process whose root the directory is."""
    child = os.fork()
    if child == 0:
        os.chroot(directory)
        signal.pause()
    try:
        root = Path(f"/proc/{child}/root")
        while os.readlink(root) != str(directory):
            os.sched_yield()
        yield root
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_the_end_of_a_file(place: Path) -> None:
    (place / "log").write_bytes(b"0123456789")
    found: FileContent = LocalHost().read(str(place / "log"), 4, end=True)
    assert (found.data, found.truncated) == (b"6789", True)
    assert LocalHost().read(str(place / "log"), 40, end=True).data == b"0123456789"


def test_a_group_that_only_a_service_has_counts(place: Path) -> None:
    """`Group=` of a unit needs no member in group(5)."""
    (place / "shared").mkdir()
    (place / "shared/file").touch()
    os.chown(place / "shared", 0, 61077)
    (place / "shared").chmod(0o775)
    assert LocalHost().way(str(place / "shared/file")).shaper is None
    with subprocess.Popen(
        ["cat"], user=SERVICE.uid, group=61077, extra_groups=[], stdin=subprocess.PIPE
    ) as service:
        shaper = LocalHost().way(str(place / "shared/file")).shaper
        service.communicate(timeout=10)
    assert shaper is not None
    assert shaper.gid == 61077


@pytest.mark.parametrize("kind", ["hidden", "set-user-id"])
def test_a_processs_root_is_its_accounts_own_word(place: Path, kind: str) -> None:
    """What hides its memory (PR_SET_DUMPABLE of prctl(2)), or has root's rights by its file: its
    account shaped what stands below its root all the same.
    """
    (place / "secret").write_bytes(SECRET)
    (place / "secret").chmod(0o600)
    (place / "link").symlink_to(place / "secret")
    (place / "own").write_bytes(b"own")
    os.chown(place / "own", OTHER, OTHER)
    real, effective = OTHER, OTHER if kind == "hidden" else 0
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setresgid(real, real, real)
        os.setresuid(real, effective, effective)
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
        with open("/proc/self/comm"):
            os.write(writer, b"+")
        signal.pause()
        os._exit(0)
    try:
        os.read(reader, 1)
        inside = f"/proc/{child}/root{place}"
        assert LocalHost().read(f"{inside}/own").data == b"own"
        with pytest.raises(PermissionError):
            LocalHost().read(f"{inside}/link")
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader)
        os.close(writer)
