"""A plug-in is installed, and each hook that is promised does its work."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tabbydoctor import plugins
from tabbydoctor.api import facts
from tabbydoctor.demo.deployment import DemoDeployment, demo_deployment
from tabbydoctor.facts import gathered_kind

SOURCE = Path(__file__).parent / "acme"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip put it."""
    place = tmp_path_factory.mktemp("site")
    source = tmp_path_factory.mktemp("source") / "acme"
    shutil.copytree(SOURCE, source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    pip += ["--target", str(place), str(source)]
    subprocess.run(pip, check=True, capture_output=True)
    return place


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoDeployment]:
    with demo_deployment() as deployment:
        (deployment.directory / "firewall.txt").write_text("1\n")
        yield deployment


def doctor(installed: Path, demo: DemoDeployment, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "tabbydoctor", *arguments]
    if arguments[0] not in ("list", "explain"):
        command += ["--dir", str(demo.directory), "--url", demo.url, "--state-dir", str(demo.state)]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def document(installed: Path, demo: DemoDeployment, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(doctor(installed, demo, *arguments, "--format", "json")[1])
    return found


def test_its_check_judges_its_fact_and_offers_its_cure(
    installed: Path, demo: DemoDeployment
) -> None:
    (result,) = document(installed, demo, "check", "--only", "ACM")["checks"]
    (finding,) = result["findings"]
    assert finding["evidence"][0]["actual"] == "1"
    assert [one["safety"] for one in finding["remedies"]] == ["safe"]
    assert finding["remedies"][0]["commands"][0].endswith("fix ACM001")
    (mine,) = [one for one in document(installed, demo, "list")["checks"] if one["id"] == "ACM001"]
    assert "acme-doctor" in json.dumps(mine)


def test_its_format_is_offered(installed: Path, demo: DemoDeployment) -> None:
    assert doctor(installed, demo, "check", "--only", "ACM", "--format", "ids") == (1, "ACM001\n")


def test_its_cure_repairs_and_is_taken_back(installed: Path, demo: DemoDeployment) -> None:
    firewall = demo.directory / "firewall.txt"
    done = document(installed, demo, "fix", "ACM001", "--yes")
    assert (done["exit_code"], done["applied"], done["verified"]) == (0, True, True)
    assert firewall.read_text() == f"{demo.url.rpartition(':')[2]}\n"
    assert doctor(installed, demo, "check", "--only", "ACM")[0] == 0
    assert doctor(installed, demo, "undo")[0] == 0
    assert firewall.read_text() == "1\n"


def test_all_that_is_safe_includes_it(installed: Path, demo: DemoDeployment) -> None:
    planned = document(installed, demo, "fix", "--all-safe", "--dry-run")
    assert "ACM001" in [one["id"] for one in planned["changes"]]


def test_its_kind_of_router_is_judged_and_given_the_key(
    installed: Path, demo: DemoDeployment, tmp_path: Path
) -> None:
    gateway = tmp_path / "gateway.acme"
    gateway.write_text(f"upstream = {demo.url}\n")
    router = ("--router", str(gateway))
    found = document(installed, demo, "check", *router)
    assert found["deployment"]["router"]["kind"] == "acme-gateway"
    (forward,) = [one for one in found["checks"] if one["id"] == "RTR002"]
    assert forward["findings"][0]["evidence"][0]["source"] == f"{gateway}:1"
    planned = document(installed, demo, "fix", "--auth", "--dry-run", *router)
    (edit,) = [one for one in planned["changes"] if one["target"] == str(gateway)]
    assert "+key = $TABBY_API_KEY" in edit["diff"]


def test_it_names_nothing_but_what_is_promised() -> None:
    tree = ast.parse((SOURCE / "acme_doctor.py").read_text())
    named = {one.module for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)}
    assert {one for one in named if one and one.startswith("tabbydoctor")} == {
        "tabbydoctor.api",
        "tabbydoctor.api.facts",
    }


def test_every_fact_that_is_gathered_can_be_named() -> None:
    for gatherer in plugins.gatherers():
        kind = gathered_kind(gatherer)
        assert getattr(facts, kind.__name__, None) is kind, kind
