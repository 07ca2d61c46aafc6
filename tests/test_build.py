"""What is built: the wheel holds all that the code reads, and is the same bytes everywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BACKEND = "build_backend"
HOOK = "import sys, reproducible; print(getattr(reproducible, sys.argv[1])(sys.argv[2]))"
OF_THE_TREE = ("pyproject.toml", "README.md", "LICENSE", BACKEND, "tabbydoctor", "checks")
INSTALLED = {"checks": "tabbydoctor_checks", "tabbydoctor": "tabbydoctor"}

current = pytest.mark.skipif(
    int(version("setuptools").partition(".")[0]) < 77,
    reason="needs the setuptools that pyproject.toml names: pip install -e '.[dev]'",
)


def build(kind: str, sources: Path, into: Path, umask: int = 0o022) -> Path:
    """What the backend makes of these sources, as pip and build call it."""
    into.mkdir(parents=True)
    environment = {name: at for name, at in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    done = subprocess.run(
        [sys.executable, "-c", HOOK, f"build_{kind}", str(into)],
        cwd=sources,
        env={**environment, "PYTHONPATH": str(sources / BACKEND)},
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return into / done.stdout.splitlines()[-1]


def copy(to: Path) -> Path:
    """The sources without git and without what an earlier build left."""
    to.mkdir(parents=True)
    for name in OF_THE_TREE:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, to / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, to)
    return to


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("built") / "wheel")


@current
def test_the_wheel_holds_every_file_of_the_sources(wheel: Path) -> None:
    held = {
        name
        for name in zipfile.ZipFile(wheel).namelist()
        if not name.partition("/")[0].endswith(".dist-info")
    }
    wanted = {
        f"{package}/{path.relative_to(ROOT / name)}"
        for name, package in INSTALLED.items()
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == wanted


@current
def test_the_wheel_has_the_command_and_the_built_in_checks(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (entries,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
    text = archive.read(entries).decode()
    assert "tabbydoctor = tabbydoctor.__main__:main" in text
    assert "checks = tabbydoctor_checks" in text


@current
@pytest.mark.heavy
def test_the_same_bytes_elsewhere_later_and_with_another_umask(tmp_path: Path) -> None:
    here, there = copy(tmp_path / "here"), copy(tmp_path / "far" / "there")
    for path in there.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        path.chmod(0o700)
    stale = there / "build/lib/tabbydoctor/of_an_older_release.py"
    stale.parent.mkdir(parents=True)
    stale.touch()
    for kind in ("wheel", "sdist"):
        one = build(kind, here, tmp_path / "one" / kind, umask=0o022)
        two = build(kind, there, tmp_path / "two" / kind, umask=0o077)
        assert one.name == two.name
        assert one.read_bytes() == two.read_bytes()
    assert not list(here.glob("*.egg-info"))
    assert not (here / "build").exists()


@current
@pytest.mark.heavy
def test_an_sdist_makes_the_wheel_that_its_sources_make(wheel: Path, tmp_path: Path) -> None:
    sdist = build("sdist", ROOT, tmp_path / "sdist")
    subprocess.run(["tar", "-xf", sdist, "-C", tmp_path], check=True)
    unpacked = tmp_path / sdist.name.removesuffix(".tar.gz")
    again = build("wheel", unpacked, tmp_path / "wheel")
    assert again.read_bytes() == wheel.read_bytes()


@current
@pytest.mark.heavy
def test_the_wheel_runs_without_its_sources(wheel: Path, tmp_path: Path) -> None:
    """With the packages of this environment on the path, but not with the sources."""
    place = tmp_path / "venv"
    venv.create(place)
    (own,) = place.glob("lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(own)
    borrowed = own.parent / "borrowed"
    borrowed.mkdir()
    for path in Path(pytest.__file__).parents[1].iterdir():
        if "tabbydoctor" not in path.name and path.suffix != ".pth":
            (borrowed / path.name).symlink_to(path)
    (own / "borrowed.pth").write_text(f"{borrowed}\n")
    for words in (["demo"], ["list"], ["explain", "CFG004"], ["schema"]):
        done = run(place, tmp_path, *words)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    checked = run(place, tmp_path, "check", "--dir", str(ROOT / "tests"))
    assert checked.returncode in (0, 1), checked.stdout + checked.stderr


def run(place: Path, directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [place / "bin/python", "-P", "-m", "tabbydoctor", *words]
    bare = {name: at for name, at in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        command, cwd=directory, env=bare, capture_output=True, text=True, check=False, timeout=120
    )


def test_the_backend_copies_all_that_is_packaged() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["build-system"]["backend-path"] == [BACKEND]
    text = (ROOT / BACKEND / "reproducible.py").read_text()
    for name in (*OF_THE_TREE, project["project"]["readme"]):
        assert f'"{name}"' in text
