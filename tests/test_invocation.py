"""What is printed works where it is pasted: the doctor is called as it can be found."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tabbydoctor.invocation import SECURE_PATH, called, invocation, typed

ROOT = Path(__file__).parent.parent
_ASKED = """import json, sys
sys.path.insert(1, "{}")
from tabbydoctor.invocation import own_imports, program
print(json.dumps([program(), own_imports()["PYTHONPATH"]]))
"""
ENVIRONMENT = Path(sys.executable).parent


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A doctor in somebody's virtual environment, whose path needs quoting."""
    path = tmp_path / "my venv" / "bin" / "tabbydoctor"
    _make(path)
    return path


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)


def test_where_the_search_path_leads_to_it_the_name_will_do(tmp_path: Path, program: Path) -> None:
    link = tmp_path / "sbin" / "tabbydoctor"
    link.parent.mkdir()
    link.symlink_to(program)
    for path in (f"{tmp_path}/none:{link.parent}", f"{link.parent}:{program.parent}"):
        assert called((str(program),), path) == "tabbydoctor"
        assert called((str(link),), path) == "tabbydoctor"


@pytest.mark.parametrize("name", ["tabbydoctor", "doctor.pyz", "my doctor.pyz"])
@pytest.mark.parametrize("mode", [0o755, 0o644])
def test_as_one_file_it_is_called_by_that(tmp_path: Path, name: str, mode: int) -> None:
    """And its interpreter alone, which knows no module of it, gets the places of its imports."""
    file = tmp_path / name
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("__main__.py", _ASKED.format(ROOT))
    file.chmod(mode)
    done = subprocess.run(
        [sys.executable, file], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    words, places = json.loads(done.stdout)
    assert words == ([str(file)] if mode == 0o755 else [sys.executable, str(file)])
    assert str(ROOT) in places.split(":")


def test_else_it_is_called_by_its_whole_path(tmp_path: Path, program: Path) -> None:
    assert called((str(program),), f"{tmp_path}/none") == f"'{program}'"
    assert called((str(program),), "") == f"'{program}'"


@pytest.mark.parametrize("other", ["another", "not-executable", "dangling", "directory"])
def test_what_else_has_the_name_does_not_count(tmp_path: Path, program: Path, other: str) -> None:
    """sudo would run the first program of the name; files that cannot be run it passes over."""
    first = tmp_path / "first" / "tabbydoctor"
    first.parent.mkdir()
    if other == "directory":
        first.mkdir()
    elif other == "dangling":
        first.symlink_to("nowhere")
    else:
        _make(first)
        first.chmod(0o755 if other == "another" else 0o644)
    path = f"{first.parent}:{program.parent}"
    expected = f"'{program}'" if other == "another" else "tabbydoctor"
    assert called((str(program),), path) == expected


def test_without_its_command_it_is_its_interpreters_module() -> None:
    assert called(("/opt/x/bin/python3", "-P", "-m", "tabbydoctor"), "/usr/bin") == (
        "/opt/x/bin/python3 -P -m tabbydoctor"
    )


def test_root_is_asked_for_by_sudo() -> None:
    assert invocation("undo", root=True) == "sudo tabbydoctor undo"
    assert invocation("check --only CFG") == "tabbydoctor check --only CFG"


@pytest.mark.parametrize(
    ("printed", "in_roots_shell"),
    [
        ("sudo systemctl restart x.service", "systemctl restart x.service"),
        ("printf x | sudo tee -a /etc/x.conf", "printf x | tee -a /etc/x.conf"),
        ("sudo -u tabby chmod 600 /srv/x", "runuser -u tabby -- chmod 600 /srv/x"),
        ("sudoedit /etc/x.conf", '"${EDITOR:-vi}" /etc/x.conf'),
        ("sudoedit -u tabby /srv/x", 'runuser -u tabby -- "${EDITOR:-vi}" /srv/x'),
        ("sudo -u tabby A=/x docker restart x", "runuser -u tabby -- env A=/x docker restart x"),
        ("cat /etc/sudoers /opt/my-sudo x", "cat /etc/sudoers /opt/my-sudo x"),
        ("sudo tabbydoctor fix TOK004", "tabbydoctor fix TOK004"),
        ("journalctl --user -u x", "journalctl --user -u x"),
    ],
)
def test_roots_own_shell_needs_no_sudo(
    monkeypatch: pytest.MonkeyPatch, printed: str, in_roots_shell: str
) -> None:
    assert typed(printed) == printed  # who came by sudo has it
    monkeypatch.delenv("SUDO_USER")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert typed(printed) == in_roots_shell
    assert invocation("undo", root=True) == "tabbydoctor undo"
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert typed(printed) == printed
    assert invocation("undo", root=True) == "sudo tabbydoctor undo"


@pytest.mark.skipif(not (ENVIRONMENT / "tabbydoctor").exists(), reason="the command is not there")
@pytest.mark.parametrize("way", ["command", "module", "linked"])
def test_a_printed_command_runs(tmp_path: Path, way: str) -> None:
    """What an unknown id leads to is pasted into a shell, in another directory."""
    link = tmp_path / "tabbydoctor"
    link.symlink_to(ENVIRONMENT / "tabbydoctor")
    start = {
        "command": [str(ENVIRONMENT / "tabbydoctor")],
        "module": [sys.executable, "-m", "tabbydoctor"],
        "linked": [str(link)],
    }[way]
    path = {"PATH": "/usr/bin:/bin" if way != "linked" else f"{tmp_path}:/usr/bin:/bin"}
    said = subprocess.run(
        [*start, "fix", "XYZ001"],
        capture_output=True, text=True, env={**os.environ, **path}, check=False,
    )  # fmt: skip
    pasted = said.stderr.splitlines()[-1].strip().removesuffix(" shows them all")
    assert (pasted == "tabbydoctor list") is (way == "linked"), said.stderr
    done = subprocess.run(
        ["sh", "-c", pasted],
        capture_output=True, text=True, cwd="/", env={**os.environ, **path}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "CFG003" in done.stdout


def test_no_command_is_printed_past_it() -> None:
    """Literals that call the doctor are prose: pages, the demo's show, a file's heading."""
    commands = "fix|check|undo|history|nix|list|explain"
    literal = re.compile(rf"""["'][^"'`]*\btabbydoctor ({commands})\b""")
    kept = re.compile(r'"""|"\$ tabbydoctor|HEADER = ')
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for folder in ("tabbydoctor", "checks")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if literal.search(line) and not kept.search(line)
    ]
    assert found == []


def test_secure_path_is_what_sudo_has_by_default() -> None:
    assert SECURE_PATH.split(":")[:2] == ["/usr/local/sbin", "/usr/local/bin"]
