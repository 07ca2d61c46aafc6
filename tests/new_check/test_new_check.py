"""What is begun is a whole check: found, tested, in order; and what cannot be one is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tabbydoctor.api import Safety, Severity

from .__main__ import main, next_steps
from .scaffold import ROOT, NewCheck, Refused, categories, last_id, next_id
from .scratch_copy import ScratchCopy

ASKED = {
    "CFG": ("config-port-of-ours", "--cure", "safe"),
    "RTR": ("of-ours",),
    "TOK": ("tokens-of-ours", "--cure", "unsafe"),
}
NAMES = {prefix: name for prefix, (name, *_) in ASKED.items()}


@pytest.fixture(scope="module")
def begun(scratch_copy: ScratchCopy) -> ScratchCopy:
    """Some checks, with and without a cure."""
    for prefix, asked in ASKED.items():
        said = scratch_copy.module(
            "tests.new_check", f"{prefix}999", *asked, "--severity", "warning"
        )
        assert said.returncode == 0, said.stderr
        for line in said.stdout.splitlines():
            if line.startswith("wrote "):
                assert scratch_copy.path(line.removeprefix("wrote ")).exists()
    return scratch_copy


def written(copy: ScratchCopy) -> list[Path]:
    return [path for path in copy.root.rglob("*of_ours*.py") if path.is_file()]


def sources() -> set[Path]:
    """The files that are there now where some are written."""
    places = ("checks", "tests/checks", "tabbydoctor/remedies")
    return {path for place in places for path in (ROOT / place).rglob("*.py")}


def test_each_is_one_of_the_checks(begun: ScratchCopy) -> None:
    listed = json.loads(begun.module("tabbydoctor", "list", "--format", "json").stdout)["checks"]
    mine = {one["id"]: one for one in listed if one["id"].endswith("999")}
    assert {one["name"] for one in mine.values()} == set(NAMES.values())
    for prefix in NAMES:
        assert mine[f"{prefix}999"]["category"] == categories()[prefix]
        assert mine[f"{prefix}999"]["severity"] == "warning"


def test_the_house_says_what_is_still_to_be_filled_in_and_nothing_else(begun: ScratchCopy) -> None:
    said = begun.pytest("tests/test_house.py", "-rf")
    failed = [line for line in said.stdout.splitlines() if line.startswith("FAILED")]
    assert len(failed) == 1, said.stdout
    assert "test_nothing_is_left_to_fill_in" in failed[0]


def test_its_own_tests_pass_and_its_cure_is_one(begun: ScratchCopy) -> None:
    tests = [str(path) for path in written(begun) if path.name.startswith("test_")]
    assert len(tests) == len(NAMES)
    said = begun.pytest(*tests, "tests/remedies/test_cures.py")
    assert said.returncode == 0, said.stdout


def test_it_is_written_as_the_house_is(begun: ScratchCopy) -> None:
    paths = [str(path) for path in written(begun)]
    for command in (("check",), ("format", "--check")):
        said = begun.module("ruff", *command, *paths)
        assert said.returncode == 0, said.stdout


@pytest.mark.parametrize(
    ("id", "name", "reason"),
    [
        ("CFG003", "config-of-ours", f"config-unknown-key: the next id is {next_id('CFG')}"),
        ("ACM001", "config-of-ours", "CFG (config)"),
        ("CFG12", "config-of-ours", "three digits"),
        ("cfg999", "config-of-ours", "three digits"),
        ("CFG999", "config-unknown-key", "CFG003 has the name"),
        ("CFG999", "Config_Of_Ours", "a-z and 0-9"),
        ("CFG999", "config-import", "cannot name a function"),
        ("CFG999", "config-9-lives", "cannot name a function"),
        ("CFG999", "unknown-key", "in use"),
        ("CFG999", "config-edit", "in use"),
        ("CFG999", "config-path", "in use"),
        ("CFG999", "files", "tabbydoctor/remedies/files.py exists"),
    ],
)
def test_what_cannot_be_one_is_refused(
    id: str, name: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    new = NewCheck(id, name, Severity.ERROR, Safety.SAFE)
    with pytest.raises(Refused) as refused:
        assert new.files
    assert reason in str(refused.value)
    before = sources()
    assert main([id, name, "--cure", "safe"]) == 2
    assert reason in capsys.readouterr().err
    assert sources() == before


def test_the_next_steps_name_what_is_there() -> None:
    test = Path("tests/checks/nixos/test_of_ours.py")
    said = next_steps(NewCheck("NIX999", "nix-of-ours"), [test], last_id("NIX"))
    assert f"  2. python -m tests.index && pytest {test} tests/test_house.py" in said
    assert any("tests/lab/faults/nixos.py" in line for line in said)
    (place,) = [line.strip() for line in said if "README.md:" in line]
    line = (ROOT / "README.md").read_text("utf-8").splitlines()[int(place.partition(":")[2]) - 1]
    assert last_id("NIX") in line


def test_the_facts_are_those_that_are_gathered(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--facts"]) == 0
    assert "EffectiveConfig    tabbydoctor.tabbyapi.config\n    What" in capsys.readouterr().out
