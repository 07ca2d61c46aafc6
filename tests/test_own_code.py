"""What the doctor runs: no module of the current directory, and root is warned of others' code."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import tabbydoctor
from tabbydoctor import __main__
from tabbydoctor.trust import Untrusted, trusted
from tests.sampling import sampled

NOBODY = 65534
COMMAND = Path(sys.executable).parent / "tabbydoctor"
WAYS = {"module": [sys.executable, "-m", "tabbydoctor"], "command": [str(COMMAND)]}


def _why_not() -> str:
    """Why what root is told of others' code cannot be seen here; empty where it can."""
    if os.geteuid() != 0:
        return "needs root, to give directories away"
    try:
        for one in (tabbydoctor.__file__, sys.executable, *sys.path):
            trusted(one or os.getcwd(), closed=True)
    except Untrusted as doubt:
        return f"the tests themselves run from where others may write: {doubt}"
    return ""


as_root = pytest.mark.skipif(bool(_why_not()), reason=_why_not() or "root")


@pytest.fixture
def place() -> Iterator[Path]:
    """A scratch directory that other accounts can reach; pytest's own is closed to them."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def start(
    way: str, *arguments: str, cwd: Path, path: str | None = None, **more: object
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = path
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [*WAYS[way], *arguments],
        cwd=cwd, env=environment, capture_output=True, text=True, check=False, **more,
    )  # type: ignore[call-overload] # fmt: skip
    return done


@pytest.mark.parametrize("way", WAYS)
def test_no_module_comes_from_the_current_directory(place: Path, way: str) -> None:
    """Every module there is, but for the doctor itself, stands there and would leave its mark."""
    if not COMMAND.exists() and way == "command":
        pytest.skip("the command is not there")
    mark = place / "ran"
    ours = {"tabbydoctor", "tabbydoctor_checks"}
    names = {*sys.stdlib_module_names, *packages_distributions()} - ours
    for name in filter(str.isidentifier, names):
        (place / f"{name}.py").write_text(f"open({str(mark)!r}, 'a').write('{name} ')\n")
    (place / "tabbydoctor_checks").mkdir()
    (place / "tabbydoctor_checks/__init__.py").write_text(f"open({str(mark)!r}, 'a')\n")
    done = start(way, "check", "--format", "json", "--dir", str(place), cwd=place)
    assert not mark.exists(), mark.read_text()
    assert json.loads(done.stdout)["checks"], done.stderr


def _foreign(place: Path) -> None:
    os.chown(place, NOBODY, NOBODY)


def _below(place: Path) -> None:
    os.chown(place.parent, NOBODY, NOBODY)


def _acl(place: Path) -> None:
    """user:65534:rwx, acl(5)."""
    entries = [(1, 7, -1), (2, 7, NOBODY), (4, 5, -1), (16, 7, -1), (32, 5, -1)]
    packed = b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(place, "system.posix_acl_access", struct.pack("<I", 2) + packed)
    except OSError:
        pytest.skip("this file system knows no access control lists")


def _group(place: Path) -> None:
    os.chown(place, 0, NOBODY)
    place.chmod(0o775)


def _link(place: Path) -> None:
    place.rmdir()
    place.symlink_to("/usr/lib")
    os.lchown(place, NOBODY, NOBODY)


def _missing(place: Path) -> None:
    place.rmdir()
    place.parent.chmod(0o1777)


OPEN: dict[str, Callable[[Path], None]] = {
    "another account's": _foreign,
    "below another account's": _below,
    "everybody's": lambda place: place.chmod(0o777),
    "a sticky one of everybody's": lambda place: place.chmod(0o1777),
    "a group's": _group,
    "open by an access control list": _acl,
    "another account's link": _link,
    "missing, where everybody may make it": _missing,
}


@as_root
@pytest.mark.parametrize("kind", sampled(OPEN, 4))
def test_root_is_warned_once_of_what_others_may_write(place: Path, kind: str) -> None:
    folder = place / "shared" / "modules"
    folder.mkdir(parents=True)
    OPEN[kind](folder)
    done = start("module", "list", "--format", "json", cwd=Path("/"), path=f"{folder}:{folder}")
    assert json.loads(done.stdout)["checks"]
    first, second = done.stderr.splitlines()
    assert first.startswith("tabbydoctor: warning: root runs code that others may write: ")
    assert str(folder.parent) in first
    assert "/opt/tabbydoctor" in second


@as_root
@pytest.mark.parametrize("path", [None, "", "own", "own:"])
def test_root_is_not_warned_of_its_own(place: Path, path: str | None) -> None:
    (place / "own").mkdir()
    given = path and path.replace("own", str(place / "own"))
    done = start("module", "list", "--format", "json", cwd=place, path=given)
    assert done.stderr == ""


@as_root
def test_a_package_of_a_plug_in_counts(place: Path) -> None:
    (place / "acme.dist-info").mkdir()
    (place / "acme.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: acme\nVersion: 1\n"
    )
    (place / "acme.dist-info/entry_points.txt").write_text(
        "[tabbydoctor]\nacme = acme_checks.all\n"
    )
    (place / "acme_checks").mkdir()
    (place / "acme_checks/__init__.py").touch()
    (place / "acme_checks/all.py").touch()
    assert start("module", "list", cwd=place, path=str(place)).stderr == ""
    os.chown(place / "acme_checks", NOBODY, NOBODY)
    said = start("module", "list", cwd=place, path=str(place)).stderr
    assert f"{place}/acme_checks belongs to" in said


@as_root
@pytest.mark.parametrize("what", ["script", "interpreter"])
def test_how_it_is_started_counts(place: Path, what: str) -> None:
    link = place / "bin" / Path(WAYS["command"][0] if what == "script" else sys.executable).name
    link.parent.mkdir()
    environment = Path(sys.executable).parent.parent
    (place / "lib").symlink_to(environment / "lib")
    (place / "pyvenv.cfg").write_bytes((environment / "pyvenv.cfg").read_bytes())
    link.symlink_to(COMMAND if what == "script" else Path(sys.executable).resolve())
    argv = [str(link)] if what == "script" else [str(link), "-m", "tabbydoctor"]

    def said() -> str:
        return subprocess.run([*argv, "list"], capture_output=True, text=True, check=True).stderr

    assert said() == ""
    os.chown(link.parent, NOBODY, NOBODY)
    assert f"{link.parent}" in said()


@as_root
def test_others_are_not_warned(place: Path) -> None:
    place.chmod(0o777)
    done = start("module", "list", cwd=Path("/"), path=str(place), user=NOBODY, group=NOBODY)
    if done.returncode:
        pytest.skip("the checkout is closed to other accounts")
    assert done.stderr == ""


@as_root
def test_a_loop_of_links_and_a_file_on_the_way_are_errors(place: Path) -> None:
    (place / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="levels of symbolic links"):
        trusted(str(place / "loop" / "x"))
    (place / "file").touch()
    with pytest.raises(NotADirectoryError):
        trusted(str(place / "file" / "x"))


@as_root
def test_where_a_link_of_its_own_leads_is_judged_too(place: Path) -> None:
    (place / "theirs/deep").mkdir(parents=True)
    (place / "own").mkdir()
    (place / "own/link").symlink_to("../theirs/deep")
    assert trusted(str(place / "own/link/x")) == f"{place}/theirs/deep/x"
    os.chown(place / "theirs", NOBODY, NOBODY)
    with pytest.raises(Untrusted) as caught:
        trusted(str(place / "own/link/x"))
    assert caught.value.path == f"{place}/theirs"


def test_an_interrupt_before_a_command_has_begun_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", ["tabbydoctor", "check"])
    monkeypatch.setattr(__main__, "leave_current_directory", lambda: None)
    monkeypatch.setattr(__main__, "warn_root", interrupt)
    assert __main__.run_command() == 130
    assert capsys.readouterr().err == "tabbydoctor: interrupted\n"
