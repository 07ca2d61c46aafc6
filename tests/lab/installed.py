"""The project as a user has it: its wheel, installed, on the system's Python.

Services run under other accounts, and those cannot execute an interpreter below /root; so all of
this lies where everyone may look, under `CACHE`. The dependencies stay there between sessions.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

CACHE = Path("/var/cache/tabbydoctor-lab")
SYSTEM_PYTHON = Path("/usr/bin/python3")
REPOSITORY = Path(__file__).parents[2]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "build_backend", "tabbydoctor", "checks")


@dataclass(frozen=True)
class Installed:
    """Where the installed project is; the same path outside and inside a machine."""

    environment: Path
    source: Path  # what it was built from
    site_packages: tuple[Path, ...]  # the project's own, and its dependencies'

    @property
    def python(self) -> Path:
        """An interpreter that imports the project and its dependencies."""
        return self.environment / "bin/python"

    @property
    def doctor(self) -> Path:
        """The `tabbydoctor` command."""
        return self.environment / "bin/tabbydoctor"


@contextmanager
def installed() -> Iterator[Installed]:
    """Build the wheel of the working tree and install it for as long as the block lasts.

    Raises:
        subprocess.CalledProcessError: the build or pip failed; its output is on stderr.
    """
    CACHE.mkdir(exist_ok=True)
    CACHE.chmod(0o755)  # whatever the umask
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    dependencies = _environment_with(project["project"]["dependencies"])
    build_tools = _environment_with(project["build-system"]["requires"])
    _clear_up_after_killed_sessions()
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=f"session-{os.getpid()}-") as directory:
        session = Path(directory)
        session.chmod(0o755)
        wheel = _build_wheel(build_tools, session / "build")
        yield _install(wheel, dependencies, session / "venv", session / "build/source")


def wheels() -> Path:
    """A directory with all wheels that `pip install` of the working tree asks an index for.

    Raises:
        subprocess.CalledProcessError: pip failed; its output is on stderr.
    """
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    environment = _environment_with(wanted)
    directory = environment / "wheels"
    with FileLock(f"{environment}.lock"):
        if not directory.exists():
            collect = ["wheel", "--quiet", "--wheel-dir", f"{directory}.partial"]
            _run([environment / "bin/pip", *collect, *wanted])
            Path(f"{directory}.partial").rename(directory)
    return directory


def tools() -> tuple[Path, Path]:
    """Programs that install others (pipx, uv, shiv), and a directory with the pip that pipx wants.

    Raises:
        subprocess.CalledProcessError: pip failed; its output is on stderr.
    """
    environment = _environment_with(["pipx>=1.5", "shiv", "uv"])
    directory = environment / "wheels"
    with FileLock(f"{environment}.lock"):
        if not directory.exists():
            collect = ["download", "--quiet", "--dest", f"{directory}.partial"]
            _run([environment / "bin/pip", *collect, "pip", "setuptools", "wheel"])
            Path(f"{directory}.partial").rename(directory)
    return environment / "bin", directory


def _clear_up_after_killed_sessions() -> None:
    for session in CACHE.glob("session-*"):
        owner = session.name.split("-")[1]
        if not Path("/proc", owner).exists():
            shutil.rmtree(session, ignore_errors=True)  # another may clear up, too


def _environment_with(requirements: Sequence[str]) -> Path:
    """A virtual environment with these requirements, kept for the next session that asks for it."""
    version = _output([SYSTEM_PYTHON, "--version"])
    key = hashlib.sha256("\n".join([version, *sorted(requirements)]).encode()).hexdigest()[:12]
    environment = CACHE / f"requirements-{key}"
    complete = environment / "complete"
    with FileLock(CACHE / f"requirements-{key}.lock"):
        if not complete.exists():
            _run([SYSTEM_PYTHON, "-m", "venv", "--clear", environment])
            _run([environment / "bin/pip", "install", "--quiet", *requirements])
            complete.touch()
    return environment


def _build_wheel(build_tools: Path, directory: Path) -> Path:
    """Build from a copy: setuptools leaves its traces beside the sources."""
    source = directory / "source"
    source.mkdir(parents=True)
    for name in SOURCES:
        origin = REPOSITORY / name
        if origin.is_dir():
            shutil.copytree(origin, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(origin, source)
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    _run([build_tools / "bin/pip", *build, "--wheel-dir", directory, source])
    (wheel,) = directory.glob("*.whl")
    return wheel


def _install(wheel: Path, dependencies: Path, environment: Path, source: Path) -> Installed:
    """A virtual environment with the wheel in it, and the dependencies' on its path."""
    _run([SYSTEM_PYTHON, "-m", "venv", "--without-pip", environment])
    python = environment / "bin/python"
    offline = ["install", "--quiet", "--no-deps", "--no-index"]
    _run([dependencies / "bin/pip", "--python", python, *offline, wheel])
    (ours,) = environment.glob("lib/python3*/site-packages")
    (theirs,) = dependencies.glob("lib/python3*/site-packages")
    (ours / "dependencies.pth").write_text(f"{theirs}\n")
    return Installed(environment, source, (ours, theirs))


def _run(command: Sequence[str | Path]) -> None:
    subprocess.run(command, check=True, umask=0o022, cwd="/")


def _output(command: Sequence[str | Path]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
