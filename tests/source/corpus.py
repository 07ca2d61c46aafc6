"""The corpus: routers as data, each with the whole reading that is expected of it.

`python -m tests.source.corpus --write` renews every snapshot and the list of what is missed.

A case of `corpus/` is a directory with its files and an `expected.yml`: how it is started, its
environment, where TabbyAPI is, and what it was seen to send when it ran. The routers that were
labelled before it are read from where they are.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tabbydoctor.routers import RouterReading, inputs, python
from tabbydoctor.routers.modules import Modules
from tabbydoctor.routers.site.command import router_command
from tests.routers import cases
from tests.routers.programs import PROGRAMS
from tests.scratch_host import ScratchHost
from tests.source.snapshot import snapshot
from tests.source.truth import Truth, misses

TESTS = Path(__file__).parent.parent
CORPUS = Path(__file__).with_suffix("")
SNAPSHOTS = CORPUS / "snapshots"
MISSED = CORPUS / "missed.yml"
DIRECTORY = "/srv/router"
"""Where every one of them lies, and works."""
TRUE = ("held", "open", "handed")
"""Groups whose truth is known from running them."""
SINGLE = {
    "shapes": (TESTS / "routers/data", "*.py.txt"),
    "wiring": (TESTS / "routers/wiring/data", "**/*.py.txt"),
    "lab": (TESTS / "lab/data", "router-*.py.txt"),
}
STARTS = {
    "crossroads": "python -m uvicorn crossroads.serving:app --app-dir src",
    "frontdesk": "uvicorn frontdesk.views:app",
    "gatehouse": "python -m uvicorn gatehouse.web:app --app-dir src",
    "relaydesk": "python -m relaydesk",
    "switchboard": "uvicorn switchboard.app:app",
}
"""How the packages are started."""


@dataclass(frozen=True)
class Case:
    """One router."""

    group: str
    name: str
    start: tuple[str, ...]
    files: Mapping[str, str] = field(repr=False)
    """Path, absolute or below `DIRECTORY` -> text."""
    environment: Mapping[str, str] | None = field(default=None, repr=False)
    tabby: tuple[str, ...] = cases.TABBY_URLS
    truth: Truth | None = None

    def __str__(self) -> str:
        return f"{self.group}/{self.name}"

    @property
    def kept(self) -> Path:
        """The file of its snapshot."""
        return SNAPSHOTS / f"{self}.yml"


def all_cases() -> Iterator[Case]:
    """Every case, in the order of groups and names."""
    for group in TRUE:
        for directory in sorted(CORPUS.joinpath(group).iterdir()):
            yield _with_truth(group, directory)
    for group, (directory, pattern) in SINGLE.items():
        for path in sorted(directory.glob(pattern)):
            if not path.is_relative_to(PROGRAMS):
                yield _single(group, "_".join(path.relative_to(directory).parts), path)
    for name, start in STARTS.items():
        files = {path.removesuffix(".txt"): text for path, text in _texts(PROGRAMS / name).items()}
        yield Case("programs", name, tuple(start.split()), files)


def _with_truth(group: str, directory: Path) -> Case:
    files = _texts(directory)
    expected = yaml.safe_load(files.pop("expected.yml"))
    return Case(
        group,
        directory.name,
        tuple(expected["start"]),
        files,
        {name: str(value) for name, value in (expected.get("environment") or {}).items()},
        tuple(expected["tabby"]),
        Truth.of(expected),
    )


def _single(group: str, name: str, path: Path) -> Case:
    files = {**cases.FILES, "router.py": path.read_text(encoding="utf-8")}
    return Case(group, name.removesuffix(".py.txt"), ("python", "router.py"), files)


def _texts(directory: Path) -> dict[str, str]:
    """Path below a directory -> text."""
    return {
        str(path.relative_to(directory)): path.read_text(encoding="utf-8")
        for path in sorted(directory.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


@cache
def reading(case: str) -> RouterReading:
    """What the doctor reads of a case: first by its sources, then with the files that they read."""
    return _read(CASES[case])


def _read(case: Case) -> RouterReading:
    with tempfile.TemporaryDirectory() as scratch:
        for path, text in case.files.items():
            target = Path(f"{scratch}/{Path(DIRECTORY, path)}")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        host = ScratchHost(Path(scratch))
        command = router_command(case.start, DIRECTORY, host, case.environment)
        assert command is not None, f"{case} is not found by how it is started"
        path = str(command.path)
        text = host.read(path).text()
        modules = Modules.of(host, path, text, command.roots)

        def read(files: Mapping[str, str]) -> RouterReading:
            return python.read(
                path, text, case.tabby, files=files, environment=case.environment,
                directory=DIRECTORY, roots=tuple(modules.roots), arguments=case.start,
            )  # fmt: skip

        first = read(modules.files)
        files = {**modules.files, **dict(inputs._configurations(host, str, first))}
        return read(files) if files != modules.files else first


def missed(case: Case) -> list[str]:
    """How the reading of a case differs from its truth, in words."""
    return misses(reading(str(case)), case.truth, DIRECTORY) if case.truth else []


def known_misses() -> dict[str, list[str]]:
    """Those that are kept: case -> what is wrong."""
    return yaml.safe_load(MISSED.read_text(encoding="utf-8")) or {}


def write() -> None:
    """Renew the snapshots and the misses."""
    for case in CASES.values():
        case.kept.parent.mkdir(parents=True, exist_ok=True)
        case.kept.write_text(snapshot(reading(str(case))), encoding="utf-8")
    for path in stale():
        path.unlink()
    found = {str(case): wrong for case in CASES.values() if (wrong := missed(case))}
    MISSED.write_text(dumped(found) if found else "{}\n", encoding="utf-8")
    true = sum(case.truth is not None for case in CASES.values())
    sys.stdout.write(f"{len(CASES)} cases; {len(found)} of {true} with a truth are missed\n")


def stale() -> list[Path]:
    """Snapshots of no case."""
    kept = {case.kept for case in CASES.values()}
    return [path for path in SNAPSHOTS.rglob("*.yml") if path not in kept]


def dumped(value: Mapping[str, Any]) -> str:
    """As YAML, a line for each reason."""
    return yaml.safe_dump(value, sort_keys=True, width=1_000, allow_unicode=True)


def _main(arguments: Iterable[str]) -> None:
    parser = argparse.ArgumentParser(description=write.__doc__)
    parser.add_argument("--write", action="store_true", required=True)
    parser.parse_args(list(arguments))
    write()


CASES = {str(case): case for case in all_cases()}

if __name__ == "__main__":
    _main(sys.argv[1:])
