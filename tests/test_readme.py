"""The README is true: its commands run, its plug-in works, its tables agree with the code."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tabbydoctor import plugins
from tabbydoctor.cli.app import run
from tabbydoctor.cli.settings import load_settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(
    {
        line.partition("  #")[0].strip().removeprefix("sudo ")
        for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
        for line in block.splitlines()
        if line.removeprefix("sudo ").startswith("tabbydoctor ")
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_one(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = shlex.split(command)[1:]
    code = run([*arguments, "--dir", str(ROOT / "tests")])
    text = capsys.readouterr()
    assert "Traceback" not in text.err
    assert "No such" not in text.err, text.err
    assert code in (0, 1, 2)
    # What needs a TabbyAPI may say that there is none; usage errors it must not be.
    assert "--help" not in text.err, text.err


def test_the_test_command_is_the_one_ci_runs() -> None:
    command = re.search(r"^python3 -m venv .*nox$", README, re.MULTILINE)
    assert command is not None
    assert command[0] in (ROOT / ".ci/run").read_text()


def test_every_option_for_a_target_is_in_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    run(["check", "--help"])
    run(["fix", "--help"])
    offered = set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out))
    table = README[README.index("| option | names |") : README.index("### Exit codes")]
    named = set(re.findall(r"--[a-z][a-z-]*", table))
    assert named <= offered
    assert {"--dir", "--router-unit", "--state-dir"} <= named


def test_its_settings_file_is_one(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(dir = .*?)```", README, re.DOTALL)
    path = tmp_path / "settings.toml"
    path.write_text(text)
    given = load_settings(str(path), {}).values
    assert (given["dir"], given["router_unit"]) == ("/srv/TabbyAPI", "llm-router.service")


def test_every_category_is_in_the_table() -> None:
    for check in plugins.checks():
        assert f"| {check.category} | {check.id[:3]}… |" in README


def test_its_plug_in_works(tmp_path: Path) -> None:
    source = re.search(r'```python\n(""".*?)```', README, re.DOTALL)
    entry = re.search(r"\[project\.entry-points\.tabbydoctor\]\n(.*)", README)
    assert source is not None
    assert entry is not None
    (tmp_path / "acme_checks.py").write_text(source[1])
    metadata = tmp_path / "acme-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[tabbydoctor]\n{entry[1].replace(chr(34), '')}\n")
    listing = doctor(tmp_path, "list", "--format", "json")
    mine = next(one for one in listing["checks"] if one["id"] == "ACM001")
    assert mine["name"] == "acme-port"
    assert "acme" in json.dumps(mine)
    (tmp_path / "config.yml").write_text("network:\n  port: 5055\n")
    found = doctor(tmp_path, "check", "--format", "json", "--only", "ACM", "--dir", str(tmp_path))
    assert found["diagnosis"][0]["root"] == "ACM001"


def doctor(path: Path, *arguments: str) -> dict:  # type: ignore[type-arg]
    """What `tabbydoctor` prints as JSON, with a directory of packages added."""
    done = subprocess.run(
        [sys.executable, "-m", "tabbydoctor", *arguments],
        env={**os.environ, "PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )
    document: dict = json.loads(done.stdout)  # type: ignore[type-arg]
    return document
