"""How `check` ends where there is nowhere to write, or nothing to look at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tabbydoctor.cli.app import run


def started(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    doctor = [sys.executable, "-m", "tabbydoctor", *arguments]
    return subprocess.run(
        ["sh", "-c", f'"$@" {script}', "sh", *doctor], capture_output=True, text=True, check=False
    )


@pytest.fixture
def tabby(tmp_path: Path) -> list[str]:
    (tmp_path / "main.py").touch()
    (tmp_path / "config.yml").write_text("network: {port: 1}\n")
    return ["--dir", str(tmp_path), "--only", "CFG"]


@pytest.mark.parametrize("format", ["text", "json"])
@pytest.mark.parametrize(
    ("script", "said"),
    [
        (">&-", "standard output is closed: nothing was done"),
        pytest.param(
            ">/dev/full",
            "standard output: No space left on device",
            marks=pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full"),
        ),
    ],
)
def test_nowhere_to_write(tabby: list[str], format: str, script: str, said: str) -> None:
    done = started(script, "check", *tabby, "--format", format)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].endswith(said)
    assert len(done.stderr.splitlines()) == 2


def test_a_closed_output_is_seen_before_anything_is_done(tabby: list[str], tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("auth: {disable: true}\n")
    done = started(">&-", "fix", "CFG004", "--yes", *tabby[:2], "--state-dir", f"{tmp_path}/state")
    assert done.returncode == 2
    assert "auth" in (tmp_path / "config.yml").read_text()


def test_a_file_that_cannot_be_written_is_told_before_the_run(
    tabby: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tabbydoctor.cli.check._examine", lambda *_: pytest.fail("it was run"))
    assert run(["check", *tabby, "--output", str(tmp_path / "no/such/place")]) == 2


@pytest.mark.parametrize("before", [None, "what was there"])
def test_trying_the_file_leaves_it_as_it_is(
    tabby: list[str], tmp_path: Path, before: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tabbydoctor.cli.check._examine", stop)
    file = tmp_path / "report"
    if before is not None:
        file.write_text(before)
    assert run(["check", *tabby, "--output", str(file)]) == 130
    assert (file.read_text() if file.exists() else None) == before


def test_an_account_that_is_not_there(tabby: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", *tabby, "--user", "nosuchaccount"]) == 2
    assert "--user nosuchaccount: there is no such account" in capsys.readouterr().err


def test_nothing_judged_is_not_nothing_to_do(
    tabby: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", *tabby[:2], "--only", "GRP"]) == 2
    said = capsys.readouterr().out
    assert said.startswith("Nothing to judge: ")
    assert "Nothing was judged: tabbydoctor check --verbose tells why." in said


@pytest.mark.root(reason="needs namespaces of its own")
def test_where_it_looked_when_it_found_nothing() -> None:
    doctor = [sys.executable, "-m", "tabbydoctor", "check", "--format", "json"]
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", *doctor],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "unshare" in done.stderr:
        pytest.skip(done.stderr)
    message = json.loads(done.stdout)["error"]["message"]
    assert message.startswith("no TabbyAPI was found on this machine; looked at ")
    assert "processes" in message
