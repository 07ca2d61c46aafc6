"""What each command says of itself: in full, grouped, with examples that are command lines."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from tabbydoctor.cli.app import run
from tabbydoctor.cli.command_line import command_line
from tabbydoctor.cli.examples import EXAMPLES
from tabbydoctor.cli.manpage import pages
from tabbydoctor.cli.offering import SOURCES

ROOT = typer.main.get_command(command_line())


def commands(command: Any = ROOT, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Each command by its words."""
    yield " ".join(words), command
    for name, one in getattr(command, "commands", {}).items():
        yield from commands(one, (*words, name))


ALL = dict(commands())
LINES = [one.arguments for examples in EXAMPLES.values() for one in examples]


def test_every_command_has_examples() -> None:
    assert set(EXAMPLES) == set(ALL)
    assert all(2 <= len(examples) <= 5 for examples in EXAMPLES.values())


@pytest.mark.parametrize("line", LINES)
def test_an_example_parses_as_written(line: str) -> None:
    words = shlex.split(line)
    ends = [number for number, word in enumerate(words) if word in (">", "|", "&&")]
    words = words[: ends[0]] if ends else words
    command, name = ROOT, ""
    while hasattr(command, "commands") and words:
        name = words.pop(0)
        command = command.commands[name]
    command.make_context(name, words)


@pytest.mark.parametrize("columns", ["80", "120"])
@pytest.mark.parametrize("words", ALL)
def test_the_help_fits_and_nothing_is_cut_off(
    words: str, columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    run([*words.split(), "--help"])
    text = capsys.readouterr().out
    assert "..." not in text.replace("[ARGS]...", "").replace("]...", "").replace("FILE...", "")
    assert "\nExamples:\n" in text
    assert all(len(line) <= 100 for line in text.splitlines())
    if columns == "80":
        assert [line for line in text.splitlines() if len(line) > 80 and "/" not in line] == []


def test_each_value_is_completed_or_said_to_be_anything() -> None:
    for words, command in ALL.items():
        for one in command.params:
            metavar = one.metavar or ""
            valueless = getattr(one, "is_flag", False) or getattr(one, "hidden", False)
            known = "|" in metavar or metavar in SOURCES
            assert valueless or known, f"{words} {one.opts[0]}"


def test_there_is_a_man_page_for_each_and_it_is_the_same_each_time() -> None:
    assert set(pages()) == {"-".join(["tabbydoctor", *words.split()]) for words in ALL}
    assert pages() == pages()


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_man_pages_are_roff_without_a_warning() -> None:
    for name, page in pages().items():
        done = subprocess.run(
            ["groff", "-man", "-ww", "-z", "-Tutf8"],
            input=page,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (name, done.returncode, done.stderr) == (name, 0, "")
        assert all(
            f".SH {part}\n" in page for part in ("NAME", "EXIT STATUS", "EXAMPLES", "SEE ALSO")
        )


def test_an_unknown_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["man", "chek"]) == 2
    assert "did you mean check?" in capsys.readouterr().err
