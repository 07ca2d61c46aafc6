"""The Ansible modules under a real ansible-core, with programs that say what the doctor may say.

What they do with a real doctor on real hosts is in `tests/lab/test_fleet.py`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tabbydoctor import __version__
from tabbydoctor.cli.options import TARGET_OPTIONS
from tabbydoctor.remedies.request import STRATEGIES
from tests.programs import require

COLLECTION = Path(__file__).parents[2] / "ansible"
MODULES = ("check", "fix")
KEY = "Zx9-planted-password-51"
CHECKED = {
    "schema_version": 1,
    "verdict": "TabbyAPI is broken: 1 error.",
    "diagnosis": [{"root": "CFG004", "summary": "{{ 'not' + ' a template' }}"}],
    "checks": [],
    "exit_code": 1,
}
FIXED = {
    "schema_version": 1,
    "title": "the router sends the key",
    "changes": [{"id": "RTR002", "target": "/r.py", "kind": "edit", "diff": "+++ /r.py\n+x\n"}],
    "applied": True,
    "rolled_back": False,
    "verified": True,
    "remaining": [],
    "manual": [],
    "seen": ["a request ended in 500"],
    "unproven": [],
    "change": "2026-1",
    "exit_code": 0,
}
ERROR = {"schema_version": 1, "error": {"message": "no TabbyAPI", "hint": "--dir"}, "exit_code": 2}


@pytest.fixture(scope="session")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the collection is installed, as it is from what `collection build` makes."""
    place = tmp_path_factory.mktemp("collections")
    galaxy = [require("ansible-galaxy"), "collection"]
    _run([*galaxy, "build", str(COLLECTION), "--output-path", str(place)], place)
    (built,) = place.glob("*.tar.gz")
    _run([*galaxy, "install", "--collections-path", str(place), "--offline", str(built)], place)
    return place


def _run(command: list[str], place: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "ANSIBLE_HOME": str(place / "home"),
        "ANSIBLE_COLLECTIONS_PATH": str(place),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 2), done.stdout + done.stderr
    return done


Result = tuple[bool, dict[str, Any], list[str]]


def ran(
    place: Path, directory: Path, module: str, said: object, *flags: str, **options: object
) -> Result:
    """Whether a task failed, its result, and the arguments a doctor got that says `said`."""
    program = directory / "tabbydoctor"
    text = said if isinstance(said, str) else json.dumps(said)
    (directory / "said").write_text(text)
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" >{directory}/got\ncat {directory}/said\nexit 1\n'
    )
    program.chmod(0o755)
    arguments = json.dumps({"program": str(program), **options})
    name = f"tabbydoctor.tabbydoctor.{module}"
    ansible = [require("ansible"), "localhost", "--connection=local", "--one-line"]
    done = _run([*ansible, f"--module-name={name}", f"--args={arguments}", *flags], place)
    found = re.search(r"(FAILED!|SUCCESS|CHANGED) => (\{.*\})", done.stdout)
    assert found, done.stdout + done.stderr
    assert KEY not in done.stdout + done.stderr
    got = (directory / "got").read_text().splitlines() if (directory / "got").exists() else []
    return found[1] == "FAILED!", json.loads(found[2]), got


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("fail_on", "exit_code", "fails"),
    [("never", 1, False), ("error", 1, True), ("error", 0, False), ("unknown", 2, True)],
)
def test_check(
    collections: Path, tmp_path: Path, fail_on: str, exit_code: int, fails: bool
) -> None:
    said = {**CHECKED, "exit_code": exit_code}
    failed, result, got = ran(
        collections, tmp_path, "check", said, fail_on=fail_on, only=["CFG", "GPU001"], dir="/a b"
    )
    assert (failed, result["changed"], result["roots"]) == (fails, False, ["CFG004"])
    assert result["report"] == said, "the report is data, not a template"
    assert result["msg"] == CHECKED["verdict"]
    assert fails or result["ansible_facts"]["tabbydoctor"] == said
    told = [] if fail_on == "never" else [f"--fail-on={fail_on}"]
    assert got == ["check", "--format", "json", *told, "--only=CFG,GPU001", "--dir=/a b"]


FIXES: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[bool, bool, str]]] = {
    "done": ({}, {}, (False, True, "the router sends the key")),
    "nothing to do": (
        {"title": "", "changes": [], "applied": False},
        {},
        (False, False, "nothing to repair"),
    ),
    "something remains": (
        {"remaining": ["RTR002"], "manual": ["edit /r.lua"], "exit_code": 1},
        {},
        (True, True, "left to do: RTR002\nedit /r.lua"),
    ),
    "not proven": (
        {"unproven": ["no unit"], "exit_code": 1},
        {},
        (True, True, "left to do: what was asked for is not proven\nno unit"),
    ),
    "a restart is left, as asked": (
        {"manual": ["systemctl restart r"], "verified": None, "exit_code": 1},
        {"restart": False},
        (False, True, "the router sends the key"),
    ),
    "something remains beside the restart": (
        {"remaining": ["RTR002"], "exit_code": 1},
        {"restart": False},
        (True, True, "left to do: RTR002"),
    ),
    "taken back": (
        {"applied": False, "rolled_back": True, "verified": False, "exit_code": 3},
        {},
        (True, False, "it did not work, and everything is as it was:\na request ended in 500"),
    ),
}


@pytest.mark.heavy
@pytest.mark.parametrize("name", FIXES)
def test_fix(collections: Path, tmp_path: Path, name: str) -> None:
    said, options, expected = FIXES[name]
    failed, result, got = ran(
        collections, tmp_path, "fix", {**FIXED, **said}, "--diff", auth=True, **options
    )
    assert (failed, result["changed"], result["msg"]) == expected
    assert {"--auth", "--yes"} <= {*got}
    assert "--dry-run" not in got
    assert ("--no-restart" in got) == (options.get("restart") is False)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("planned", "expected"),
    [
        ({"remaining": ["RTR002"], "exit_code": 1}, (False, True)),
        ({"changes": [], "exit_code": 0}, (False, False)),
        ({"changes": [], "remaining": ["RTR002"], "manual": ["x"], "exit_code": 1}, (True, False)),
        ({"remaining": ["RTR002"], "manual": ["x"], "exit_code": 1}, (True, True)),
    ],
    ids=["would", "nothing", "by hand", "partly by hand"],
)
def test_check_mode_fails_where_the_run_would(
    collections: Path, tmp_path: Path, planned: dict[str, Any], expected: tuple[bool, bool]
) -> None:
    said = {**FIXED, "applied": False, "verified": None, "change": None, **planned}
    failed, result, got = ran(
        collections, tmp_path, "fix", said, "--check", ids=["RTR002"], state_dir="/s"
    )
    assert (failed, result["changed"]) == expected
    assert got == ["fix", "--format", "json", "--dry-run", "RTR002", "--state-dir=/s"]


@pytest.mark.heavy
@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (ERROR, "no TabbyAPI: --dir"),
        ("", "wrote no document"),
        ("[1]", "wrote no document"),
        ("Traceback", "wrote no document: Traceback"),
        ({**CHECKED, "schema_version": 2}, "writes schema version 2"),
    ],
    ids=["an error", "nothing", "a list", "words", "another version"],
)
def test_what_is_no_report(
    collections: Path, tmp_path: Path, module: str, said: object, expected: str
) -> None:
    options = {"auth": True} if module == "fix" else {}
    failed, result, _ = ran(
        collections, tmp_path, module, said, url=f"http://me:{KEY}@[::1]:1", **options
    )
    assert failed
    assert expected in result["msg"]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"auth": True, "program": "/nowhere/tabbydoctor"}, "not installed"),
        ({}, "one of the following is required"),
        ({"auth": True, "ids": ["CFG004"]}, "mutually exclusive"),
        ({"ids": ["CFG004"], "strategy": "front"}, "missing parameter(s) required by 'strategy'"),
        ({"auth": True, "strategy": "x"}, "must be one of"),
    ],
    ids=["no program", "nothing asked", "two things", "a strategy alone", "no strategy"],
)
def test_what_is_not_run(
    collections: Path, tmp_path: Path, options: dict[str, object], expected: str
) -> None:
    failed, result, got = ran(collections, tmp_path, "fix", FIXED, **options)
    assert (failed, got) == (True, [])
    assert expected in result["msg"]


@pytest.mark.heavy
def test_their_pages(collections: Path) -> None:
    names = [f"tabbydoctor.tabbydoctor.{module}" for module in MODULES]
    done = _run([require("ansible-doc"), "--json", *names], collections)
    assert done.stderr == ""
    pages = json.loads(done.stdout)
    for name in names:
        page = pages[name]
        assert {"examples", "return", "doc"} <= {*page}
        examples = yaml.safe_load(page["examples"])
        assert [name in example for example in examples].count(True) > 1
        for task in examples:
            assert {*(task.get(name) or ())} <= {*page["doc"]["options"]}
        targets = {f"--{option.replace('_', '-')}" for option in page["doc"]["options"]}
        assert targets >= TARGET_OPTIONS
    strategies = pages[names[1]]["doc"]["options"]["strategy"]["choices"]
    assert strategies == [*STRATEGIES]


def test_its_version_is_the_project_s() -> None:
    assert yaml.safe_load((COLLECTION / "galaxy.yml").read_text())["version"] == __version__
