"""docs/runbooks.md is true: each of its recipes is run as it stands there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import require
from tests.reports.formats.consumers import CONSUMERS

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/runbooks.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
RULES = ROOT / "docs/prometheus/tabbydoctor.rules.yml"
PROGRAMS = Path(sys.executable).parent
BROKEN = "network:\n  port: 1\nauth:\n  disable: true\n"
COMPOSE = """\
services:
  tabbyapi:
    image: ghcr.io/theroyallab/tabbyapi:latest
    ports: ["5000:5000"]
    environment: {TABBY_NETWORK_DISABLE_AUTH: "true", TABBY_NETWORK_HOST: 0.0.0.0}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with a broken TabbyAPI, a description, and `ssh`, `sudo` that stay here."""
    tabby, programs = tmp_path / "tabbyapi", tmp_path / "bin"
    for directory in (tabby, programs):
        directory.mkdir()
    (tabby / "main.py").touch()
    (tabby / "config.yml").write_text(BROKEN)
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    for name, line in {
        "tabbydoctor": f'exec {sys.executable} -P -m tabbydoctor "$@"',
        "ssh": f'shift; export TABBYDOCTOR_DIR={tabby}; exec "$@"',
        "sudo": 'exec "$@"',
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    return tmp_path


def ran(place: Path, recipe: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = recipe.replace("/opt/tabbyapi", str(place / "tabbyapi"))
    return subprocess.run(
        ["sh", "-c", script, "sh", *arguments],
        cwd=place,
        env={**os.environ, "PATH": f"{place / 'bin'}:{PROGRAMS}:{os.environ['PATH']}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def recipe(words: str) -> str:
    (found,) = [one for one in RECIPES if words in one]
    return str(found)


def test_every_recipe_has_a_test() -> None:
    source = Path(__file__).read_text()
    named = re.findall(r'recipe\("([^"]+)"\)', source)
    assert sorted(recipe(words) for words in named) == sorted(RECIPES)


def test_a_step(place: Path) -> None:
    done = ran(place, recipe("--wait 300"))
    assert done.returncode == 1, "CFG004 is nothing that waiting would change"
    assert json.loads((place / "report.json").read_text())["exit_code"] == 1
    assert done.stdout == ""


def test_cron(place: Path) -> None:
    done = ran(place, recipe("--quiet"))
    assert (done.returncode, "CFG004" in done.stdout) == (1, True)


def test_a_gate_with_annotations(place: Path) -> None:
    done = ran(place, recipe("--format github"))
    annotations = CONSUMERS["github"](done.stdout)
    assert done.returncode == 1
    level, properties, _ = annotations[0]
    assert (level, properties["file"]) == ("error", "compose.yaml")


def test_a_gate_with_code_scanning(place: Path) -> None:
    assert ran(place, recipe("--format sarif")).returncode == 1
    log = CONSUMERS["sarif"]((place / "tabbydoctor.sarif").read_text())
    where = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert where["artifactLocation"]["uri"] == "compose.yaml"


def test_a_gate_with_tests(place: Path) -> None:
    assert ran(place, recipe("--format junit")).returncode == 1
    assert CONSUMERS["junit"]((place / "tabbydoctor.xml").read_text()).failures > 0


@pytest.mark.parametrize(
    ("config", "code", "word"),
    [
        (BROKEN, 2, "CRITICAL"),
        (None, 3, "UNKNOWN"),
        ("network:\n  send_tracebacks: true\n", 1, "WARNING"),
    ],
)
def test_nagios(place: Path, config: str | None, code: int, word: str) -> None:
    directory = place / "tabbyapi"
    if config is None:
        shutil.rmtree(directory)
    else:
        (directory / "config.yml").write_text(config)
    plugin = recipe("check_tabbydoctor")
    done = ran(place, plugin, "--dir", str(directory), "--only", "CFG004,CFG014")
    assert (done.returncode, CONSUMERS["nagios"](done.stdout)[0]) == (code, word)


def test_prometheus(place: Path) -> None:
    assert ran(place, recipe("--format prometheus")).returncode == 1
    metrics = CONSUMERS["prometheus"]((place / "tabbydoctor.prom").read_text())
    assert metrics["tabbydoctor_exit_code",] == 1


def test_the_timer_s_commands_are_some(place: Path) -> None:
    """They are run for real in `tests/lab/test_timer.py`."""
    for line in recipe("install-timer").splitlines():
        done = ran(place, f"{line} --help")
        assert (done.returncode, "--every" in line or "remove" in line) == (0, True), done.stderr


def test_a_fleet(place: Path) -> None:
    done = ran(place, recipe("tabbydoctor merge -"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 host: 1 failing."), "both are this machine"
    assert "CFG004" in done.stdout


def test_an_issue(place: Path) -> None:
    assert ran(place, recipe("--format markdown")).returncode == 1
    assert CONSUMERS["markdown"]((place / "issue.md").read_text())


def test_a_page(place: Path) -> None:
    assert ran(place, recipe("--format html")).returncode == 1
    page = CONSUMERS["html"]((place / "report.html").read_text())
    assert "CFG004" in [one.attrib.get("id") for one in page.iter("article")]


@pytest.mark.heavy
def test_the_playbook_s_commands_are_some(place: Path) -> None:
    """They are run for real in `tests/lab/test_fleet.py`."""
    for line in recipe("ansible-galaxy").splitlines():
        require(line.split()[0])
        done = ran(place, f"{line} --help")
        assert done.returncode == 0, done.stderr


@pytest.mark.heavy
def test_the_alerts(tmp_path: Path) -> None:
    promtool = require("promtool")
    shutil.copy(RULES, tmp_path)
    shutil.copy(Path(__file__).with_name("alerts.yml"), tmp_path)
    for command in (["check", "rules", RULES.name], ["test", "rules", "alerts.yml"]):
        done = subprocess.run(
            [promtool, *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_of_the_alerts_is_one() -> None:
    from tabbydoctor.reports.formats.prometheus import _MEANINGS

    named = set(re.findall(r"\btabbydoctor_(\w+)", re.sub("#.*", "", RULES.read_text())))
    assert named <= set(_MEANINGS)
    assert len(named) > 2
