"""CONTRIBUTING.md is true: its commands run, and what it shows is a check that works."""

from __future__ import annotations

import json
import re
import shlex
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.new_check.scratch_copy import ScratchCopy, copy

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SET_UP = "python3 -m venv .venv && .venv/bin/pip install --quiet -e '.[dev]' && .venv/bin/nox"
COMMANDS = [
    command
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    for command in ([line] if line == SET_UP else line.split(" && "))
]
FILES = dict(re.findall(r"`(\S+\.py)`[^`]*```python\n(.*?)```", PAGE, re.DOTALL))
"""Path -> what the page shows of it."""
FACT = "tabbydoctor/deployment/free_ports.py"
THOSE_OF_CI = ("ruff check .", "ruff format --check .", "mypy", "lint-imports")
INDEX = "python -m tests.index"
BEGIN, TRY, EXPLAIN = (
    next(command for command in COMMANDS if command.startswith(start))
    for start in ("python -m tests.new_check CFG", "pytest tests/checks/", "tabbydoctor explain")
)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> ScratchCopy:
    """A copy of the repository in which the page was followed."""
    made = copy(tmp_path_factory.mktemp("repository"))
    begun = made.module(*shlex.split(BEGIN)[2:])
    assert begun.returncode == 0, begun.stderr
    wrote = re.findall(r"^wrote (.*)$", begun.stdout, re.MULTILINE)
    assert set(FILES) == {*wrote, FACT}
    for name, text in FILES.items():
        made.path(name).write_text(text)
    rooms, named = made.path("tabbydoctor/builtin.py"), made.path("tabbydoctor/api/facts.py")
    module = FACT.removesuffix(".py").replace("/", ".")
    rooms.write_text(rooms.read_text().replace("ROOMS = (", f'ROOMS = (\n    "{module}",', 1))
    named.write_text(f"{named.read_text()}\nfrom {module} import FreePorts  # noqa: E402, F401\n")
    assert INDEX in COMMANDS
    assert made.module(*shlex.split(INDEX)[2:]).returncode == 0
    return made


def test_all_its_python_stands_in_a_file() -> None:
    assert PAGE.count("```python") == len(FILES) == 4


def test_its_check_passes_its_test_and_the_house_s(followed: ScratchCopy) -> None:
    said = followed.pytest(*shlex.split(TRY)[1:])
    assert said.returncode == 0, said.stdout


def test_its_cure_is_one_and_its_commands_know_nixos(followed: ScratchCopy) -> None:
    command = "pytest tests/remedies/test_cures.py tests/nixos/test_all_checks.py"
    assert command in COMMANDS
    said = followed.pytest(*shlex.split(command)[1:])
    assert said.returncode == 0, said.stdout


def test_its_fact_is_gathered_and_can_be_named(followed: ScratchCopy) -> None:
    test = "tests/plugin/test_plugin.py::test_every_fact_that_is_gathered_can_be_named"
    said = followed.pytest(test)
    assert said.returncode == 0, said.stdout
    listed = followed.module("tests.new_check", "--facts").stdout
    assert re.search(r"^FreePorts +tabbydoctor\.deployment\.free_ports$", listed, re.MULTILINE)


def test_its_check_judges_a_deployment(followed: ScratchCopy) -> None:
    options = ("--format", "json", "--only", "CFG099", "--user", "nobody", "--dir")
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)  # the account must be able to read its configuration
        Path(directory, "config.yml").write_text("network:\n  port: 80\n")
        said = followed.module("tabbydoctor", "check", *options, directory)
    (result,) = json.loads(said.stdout)["checks"]
    (finding,) = result["findings"]
    assert finding["evidence"][0]["actual"] == "port: 80"
    assert "fix CFG099" in finding["remedies"][1]["commands"][0]


def test_its_page_is_shown(followed: ScratchCopy) -> None:
    said = followed.module(*shlex.split(EXPLAIN))
    assert said.returncode == 0, said.stdout
    assert "config-privileged-port" in said.stdout


def test_its_files_are_written_as_the_house_is(followed: ScratchCopy) -> None:
    for command in (("check",), ("format", "--check")):
        said = followed.module("ruff", *command, *FILES)
        assert said.returncode == 0, said.stdout


def test_its_imports_are_allowed(followed: ScratchCopy) -> None:
    said = followed.module("importlinter.cli")
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {BEGIN, TRY, EXPLAIN}))
def test_each_other_command_is_one(command: str) -> None:
    if command == SET_UP:
        assert command in (ROOT / ".ci/run").read_text(encoding="utf-8")
        return
    if command in THOSE_OF_CI:
        called = ", ".join(f'"{word}"' for word in shlex.split(command))
        assert f"run(session, {called})" in (ROOT / "noxfile.py").read_text(encoding="utf-8")
        return
    program, *words = shlex.split(command)
    if program == "pytest":
        marked = words.index("-m") + 1 if "-m" in words else None
        paths = [word.removeprefix("--ignore=") for word in words if "/" in word]
        assert all((ROOT / path).exists() for path in paths)
        markers = set(words[marked].split()) - {"not", "and"} if marked else set()
        known = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        assert all(f'    "{marker}: ' in known for marker in markers)
        return
    assert (program, words[0]) == ("python", "-m")
    found = find_spec(f"{words[1]}.__main__") if is_package(words[1]) else find_spec(words[1])
    assert found is not None
    assert found.origin is not None
    source = Path(found.origin).read_text(encoding="utf-8")
    assert all(option in source for option in ('if __name__ == "__main__"', *words[2:]))


def is_package(module: str) -> bool:
    found = find_spec(module)
    return found is not None and found.submodule_search_locations is not None


def test_what_it_names_is_there() -> None:
    named = re.findall(r"`((?:tabbydoctor|checks|tests|docs)/[\w./]+|\.importlinter)`", PAGE)
    example = {*FILES}
    assert len(named) > 10
    assert [path for path in named if path not in example and not (ROOT / path).exists()] == []


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", PAGE)
    assert len(links) > 3
    assert [link for link in links if not (ROOT / link).exists()] == []
