"""Every way a command can end: exit codes, one document for machines, never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tabbydoctor import __version__
from tabbydoctor.cli import check as check_command
from tabbydoctor.cli.app import run, wanted_format


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"tabbydoctor {__version__}\n"
    fast = subprocess.run(
        [sys.executable, "-m", "tabbydoctor", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert fast.stdout == f"tabbydoctor {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "--only", "NOPE"],
        ["check", "--fail-on", "sometimes"],
        ["check", "--timeout", "0"],
        ["check", "--timeout", "soon"],
        ["check", "--nonsense"],
        ["check", "--url", "ftp://x"],
        ["explain", "NOPE001"],
        ["explain"],
        ["nonsense"],
    ],
)
def test_usage_errors_exit_2_and_are_one_document_for_machines(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    text = capsys.readouterr()
    assert text.out == ""
    assert text.err.startswith("tabbydoctor: ")
    assert "Traceback" not in text.err
    assert "the doctor itself failed" not in text.err
    assert run([*arguments, "--format", "json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == 2
    assert document["error"]["message"]


def test_without_a_word_it_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    assert "Repair:" in capsys.readouterr().out


def test_an_unknown_format_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--format", "papyrus"]) == 2
    assert "formats are" in capsys.readouterr().err


def test_a_failure_of_the_doctor_itself_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("api_key: hunter2hunter2")

    monkeypatch.setattr(check_command, "_examine", broken)
    assert run(["check", "--format=json"]) == 2
    text = capsys.readouterr()
    assert "the doctor itself failed: RuntimeError" in json.loads(text.out)["error"]["message"]
    assert "hunter2" not in text.out + text.err


def test_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(check_command, "_examine", interrupted)
    assert run(["check", "--format", "json"]) == 130
    assert json.loads(capsys.readouterr().out)["exit_code"] == 130


def test_the_wanted_format_is_told_from_any_arguments() -> None:
    assert wanted_format(["check", "--format", "json"]) == "json"
    assert wanted_format(["check", "--format=sarif", "--no-such"]) == "sarif"
    assert wanted_format(["check", "--format", "text", "json"]) == "text"
    assert wanted_format(["check", "--format"]) == "text"
    assert wanted_format([]) == "text"
