"""How a front stands, by its files, its unit and its fence."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tabbydoctor.deployment.parts import Machine, ProcessTable, Units
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.front.design import DESIGN_PATH, FENCE_PATH, KEY_PATH, UNIT, UNIT_PATH
from tabbydoctor.front.fence import rules
from tabbydoctor.front.standing import front, front_means, front_standing
from tabbydoctor.front.written import files_of
from tabbydoctor.host.data import CommandResult, Process
from tests.scratch_host import ScratchHost

from .designs import KEY, design

ROOT = Machine(systemd=True, systemd_version=252, root=True)
RUNS = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled", "MainPID": "7"}
LIST = "/usr/sbin/nft --numeric list table inet tabbydoctor_front"


@pytest.fixture
def host(tmp_path: Path) -> ScratchHost:
    """A machine with a healthy front."""
    for path, file in files_of(design(), KEY).items():
        put(tmp_path, path, file.content, file.mode)
    put(tmp_path, "/usr/sbin/nginx", b"", 0o755)
    put(tmp_path, "/usr/sbin/nft", b"", 0o755)
    answers = {LIST: rules(design()), "/usr/sbin/nft list tables": ""}
    return ScratchHost(tmp_path, commands=answers)


def put(root: Path, path: str, content: bytes, mode: int = 0o644) -> None:
    there = root / path.lstrip("/")
    there.parent.mkdir(parents=True, exist_ok=True)
    there.write_bytes(content)
    there.chmod(mode)


def kinds(
    host: ScratchHost, machine: Machine = ROOT, started: float = 4e9, **unit: str
) -> list[str]:
    units = Units((Unit(UNIT, {**RUNS, **unit}),))
    process = Process(pid=7, argv=("nginx",), started=started)
    standing = front_standing(host, front(host), units, ProcessTable((process,), ()), machine)
    return [fault.kind for fault in standing.faults]


def test_a_healthy_one(host: ScratchHost) -> None:
    assert front(host).key == KEY
    assert kinds(host) == []


def test_none(tmp_path: Path) -> None:
    with pytest.raises(Absent):
        front(ScratchHost(tmp_path))


def test_one_that_cannot_be_told(host: ScratchHost, tmp_path: Path) -> None:
    put(tmp_path, DESIGN_PATH, b"{}")
    with pytest.raises(Unknown):
        front(host)


def test_its_program_is_gone(host: ScratchHost, tmp_path: Path) -> None:
    os.unlink(tmp_path / "usr/sbin/nginx")
    assert kinds(host) == ["program"]


@pytest.mark.parametrize("path", [FENCE_PATH, UNIT_PATH])
def test_a_file_was_changed(host: ScratchHost, tmp_path: Path, path: str) -> None:
    put(tmp_path, path, b"other")
    assert kinds(host) == ["changed"]


def test_its_unit_is_gone(host: ScratchHost, tmp_path: Path) -> None:
    os.unlink(tmp_path / UNIT_PATH.lstrip("/"))
    assert "gone" in kinds(host)


def test_its_unit_is_down_and_not_enabled(host: ScratchHost) -> None:
    assert kinds(host, ActiveState="failed", UnitFileState="disabled") == ["down", "disabled"]


def test_it_runs_with_an_older_key(host: ScratchHost, tmp_path: Path) -> None:
    started = (tmp_path / KEY_PATH.lstrip("/")).stat().st_mtime - 60
    for path in files_of(design(), KEY):
        os.utime(tmp_path / path.lstrip("/"), (started - 60, started - 60))
    assert kinds(host, started=started) == []
    os.utime(tmp_path / KEY_PATH.lstrip("/"), (started + 60, started + 60))
    assert kinds(host, started=started) == ["older"]


def test_its_fence_is_gone(host: ScratchHost) -> None:
    host.commands[LIST] = CommandResult((LIST,), 1, stderr="No such file or directory")
    assert kinds(host) == ["fence"]


def test_its_fence_is_not_looked_for_where_there_can_be_none(
    host: ScratchHost, tmp_path: Path
) -> None:
    """nft would have the kernel load what it lacks, and looking changes nothing."""
    put(tmp_path, "/proc/modules", b"loop 1 0 - Live 0x0\n")
    assert kinds(host) == ["fence"]
    assert front_means(host, ROOT).nft == "/usr/sbin/nft"
    assert host.ran == []


def test_without_root_its_fence_is_not_judged(host: ScratchHost) -> None:
    host.commands.clear()
    assert kinds(host, replace(ROOT, root=False)) == []


def test_what_there_is_to_make_one_of(host: ScratchHost, tmp_path: Path) -> None:
    put(tmp_path, "/usr/bin/caddy", b"", 0o755)
    put(tmp_path, "/usr/sbin/haproxy", b"", 0o644)
    means = front_means(host, ROOT)
    assert means.programs == (("nginx", "/usr/sbin/nginx"), ("caddy", "/usr/bin/caddy"))
    assert (means.nft, means.nft_problem) == ("/usr/sbin/nft", "")
    host.commands["/usr/sbin/nft list tables"] = CommandResult(("nft",), 1)
    means = front_means(host, ROOT)
    assert (means.nft, means.nft_problem) == ("", "/usr/sbin/nft does not work here")
