"""The Python environment TabbyAPI runs in, read from its files, never by importing anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.reader import reader
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass, field

_ASSIGNMENT = re.compile(
    r"""^(__version__|cuda|hip)\s*(?::[^=\n]+)?=\s*(?:'([^'\n]*)'|"([^"\n]*)"|None)""", re.MULTILINE
)
_DIST_INFO = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)\.dist-info")
_SYSTEM_PREFIXES = ("/usr/local", "/usr")
_OF_IMAGES = ("/opt/venv", "/opt/conda", "/usr")


@dataclass(frozen=True, slots=True)
class TorchBuild:
    """torch as its `version.py` describes it."""

    path: str
    version: str
    """With its build tag, as `2.9.0+cu128`."""
    cuda: str | None = None
    """The CUDA it was built for, as `12.8`; None in a CPU or ROCm build."""
    hip: str | None = None
    """The ROCm it was built for."""


@dataclass(frozen=True, slots=True)
class PythonEnvironment:
    """The packages a TabbyAPI finds."""

    python: str
    """Its interpreter, or the environment's directory."""
    directories: tuple[str, ...]
    """The site-packages directories, nearest first."""
    packages: Mapping[str, str] = field(default_factory=dict)
    """Distribution (normalised as PyPI does) -> version."""
    torch: TorchBuild | None = None
    isolated: bool = True
    """Whether these directories are all there is (no PYTHONPATH, no Nix wrapper)."""


def python_environment(host: Host, instance: Instance) -> PythonEnvironment:
    """Find the environment's site-packages and what is in them.

    Raises Absent where no environment is found, Unknown in a container of which nothing is known.
    """
    if instance.container and instance.contained is None:
        raise Unknown(f"TabbyAPI runs in the container {instance.container}: look inside it")
    root = instance.contained.root if instance.contained else ""
    host = host.seen_by(reader(host, instance))
    for prefix in _prefixes(instance):
        directories = tuple(_site_packages(host, prefix))
        if directories:
            if prefix.removeprefix(root) not in _SYSTEM_PREFIXES and _sees_system(host, prefix):
                directories += tuple(_system_directories(host, root))
            return PythonEnvironment(
                python=instance.python or f"{prefix}/bin/python",
                directories=directories,
                packages=_packages(host, directories),
                torch=_torch(host, directories),
                isolated=not (
                    "PYTHONPATH" in instance.environment or prefix.startswith("/nix/store/")
                ),
            )
    raise Absent("no Python environment of TabbyAPI was found")


def _prefixes(instance: Instance) -> Iterator[str]:
    """Where the environment may be, the surest first."""
    process = instance.process
    for program in (instance.python, process.argv[0] if process and process.argv else None):
        if program and "/" in program:
            absolute = PurePosixPath(instance.path(program))
            if absolute.parent.name == "bin":
                yield str(absolute.parent.parent)
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if instance.environment.get(variable):
            yield instance.path(instance.environment[variable])
    for directory in dict.fromkeys((instance.main_directory, instance.directory)):
        yield from (f"{directory}/venv", f"{directory}/.venv")
    if instance.contained:  # an image may do without an environment of its own
        yield from (f"{instance.contained.root}{prefix}" for prefix in _OF_IMAGES)


def _site_packages(host: Host, prefix: str) -> Iterator[str]:
    for library in ("lib", "lib64"):
        for name in _names(host, f"{prefix}/{library}"):
            if name.startswith("python3"):
                for leaf in ("site-packages", "dist-packages"):
                    directory = f"{prefix}/{library}/{name}/{leaf}"
                    if _names(host, directory):
                        yield directory
    if prefix.endswith("/usr"):
        yield from _site_packages(host, f"{prefix}/local")


def _system_directories(host: Host, root: str) -> Iterator[str]:
    yield from _site_packages(host, f"{root}/usr")


def _sees_system(host: Host, prefix: str) -> bool:
    try:
        text = host.read(f"{prefix}/pyvenv.cfg", 64 << 10).text()
    except OSError:
        return False
    return re.search(r"(?im)^include-system-site-packages\s*=\s*true", text) is not None


def _packages(host: Host, directories: Iterable[str]) -> dict[str, str]:
    packages: dict[str, str] = {}
    for directory in directories:
        for name in _names(host, directory):
            found = _DIST_INFO.fullmatch(name)
            if found:
                normal = re.sub(r"[-_.]+", "-", found["name"]).lower()
                packages.setdefault(normal, found["version"])
    return packages


def _torch(host: Host, directories: Iterable[str]) -> TorchBuild | None:
    for directory in directories:
        path = f"{directory}/torch/version.py"
        try:
            text = host.read(path, 64 << 10).text()
        except OSError:
            continue
        values = {found[1]: found[2] or found[3] for found in _ASSIGNMENT.finditer(text)}
        return TorchBuild(
            path, values.get("__version__") or "", values.get("cuda"), values.get("hip")
        )
    return None


def _names(host: Host, directory: str) -> list[str]:
    try:
        return list(host.names(directory))
    except OSError:
        return []


GATHERERS = (python_environment,)
