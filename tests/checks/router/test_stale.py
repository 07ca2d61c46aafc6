"""RTR015: a process that is older than its files."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from checks.router.stale import stale
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.unit import EnvironmentFile, Unit, UnitFile
from tabbydoctor.facts import Absent
from tabbydoctor.host import Process
from tabbydoctor.routers.inputs import router_inputs
from tabbydoctor.routers.staleness import router_staleness
from tests.scratch_host import ScratchHost

STARTED = 1_700_000_000.0
SOURCE = """\
import json

import httpx

from backend import url

with open("{root}/config.json") as file:
    CONFIG = json.load(file)


def again():
    with open("{root}/again.json") as file:
        return json.load(file)


def check_health():
    return httpx.get("http://127.0.0.1:5000/health").status_code == 200
"""
FILES = {
    "router.py": SOURCE,
    "backend.py": "from deeper.one import url\n",
    "deeper/__init__.py": "",
    "deeper/one.py": "url = 'http://127.0.0.1:5000'\n",
    "config.json": "{}",
    "again.json": "{}",
    "llm-router.service": "[Service]\nLoadCredential=key:{root}/key\n",
    "key": "k",
    "environment": "A=b\n",
    "unrelated.py": "",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.replace("{root}", str(tmp_path)))
        os.utime(path, (STARTED - 60, STARTED - 60))
    return tmp_path


def site(root: Path, *arguments: str) -> RouterSite:
    fragment = root / "llm-router.service"
    unit = Unit(
        "llm-router.service",
        {"LoadState": "loaded", "WorkingDirectory": str(root)},
        (UnitFile(str(fragment), fragment.read_text()),),
        (EnvironmentFile(str(root / "environment"), False, "A=b\n"),),
    )
    argv = ("python3", str(root / "router.py"), *arguments)
    process = Process(42, argv, started=STARTED)
    return RouterSite(str(root / "router.py"), "python", unit, process)


def test_a_unit_that_says_what_runs_already_is_no_matter(root: Path) -> None:
    fragment = root / "llm-router.service"
    fragment.write_text("[Service]\nEnvironment=B=c\n")
    command = f"ExecStart=/usr/bin/python3 {root}/router.py\n"
    fragment.write_text(f"[Service]\n{command}Environment=B=c\n")
    for name in ("llm-router.service", "environment"):
        os.utime(root / name, (STARTED + 60, STARTED + 60))
    one = site(root)
    assert one.unit is not None
    assert one.process is not None
    unit = replace(one.unit, properties={**one.unit.properties, "Environment": "B=c"})

    def stale_with(**environment: str) -> list[str]:
        process = replace(one.process, environment=environment, cwd=str(root))  # type: ignore[type-var]
        here = replace(one, unit=unit, process=process)
        return sorted(map(os.path.basename, router_staleness(ScratchHost(), here, None).newer))

    assert stale_with(A="b", B="c", PATH="/bin") == []
    assert stale_with(A="old", B="c") == ["environment", "llm-router.service"]
    assert stale_with(A="b", B="c", TABBY_KEY="gone") == ["environment", "llm-router.service"]


def newer(root: Path, *arguments: str) -> list[str]:
    host, here = ScratchHost(), site(root, *arguments)
    inputs = router_inputs(host, here, None, None)
    found = router_staleness(host, here, inputs)
    findings = list(stale.judge(here, found))
    assert bool(findings) is bool(found.newer)
    return [os.path.relpath(path, root) for path in found.newer]


@pytest.mark.parametrize(
    "name",
    [
        "router.py",
        "backend.py",
        "deeper/__init__.py",
        "deeper/one.py",
        "config.json",
        "llm-router.service",
        "environment",
        "key",
    ],
)
def test_each_file_that_it_reads_at_its_start(root: Path, name: str) -> None:
    assert newer(root) == []
    os.utime(root / name, (STARTED + 60, STARTED + 60))
    assert newer(root) == [name]


@pytest.mark.parametrize("name", ["again.json", "unrelated.py"])
def test_what_it_reads_again_or_never_does_not_count(root: Path, name: str) -> None:
    os.utime(root / name, (STARTED + 60, STARTED + 60))
    assert newer(root) == []


def test_a_program_that_watches_its_files_is_not_stale(root: Path) -> None:
    os.utime(root / "router.py", (STARTED + 60, STARTED + 60))
    assert newer(root, "--reload") == []


def test_a_change_in_the_second_of_the_start_tells_nothing(root: Path) -> None:
    os.utime(root / "router.py", (STARTED + 1, STARTED + 1))
    assert newer(root) == []


def test_what_does_not_run_is_not_old(root: Path) -> None:
    with pytest.raises(Absent):
        router_staleness(ScratchHost(), RouterSite(str(root / "router.py"), "python"), None)
