"""What is completed, and in the three shells: typed, Tab, seen."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tabbydoctor.cli.app import run
from tabbydoctor.cli.completing import TypedLine, typed_line, typed_words
from tabbydoctor.cli.offering import offered

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "PS1='> '; . {script}"),
    "zsh": (["zsh", "-f", "-i"], "PS1='> '; autoload -Uz compinit; compinit -u -D; . {script}"),
    "fish": (["fish", "--no-config", "-i"], "source {script}"),
}
TYPED = {
    "check --verb": "check --verbose",
    "hist": "history",
    "nix to-o": "nix to-options",
    "explain CFG00": "CFG004",
    "fix --auth --strategy router-t": "router-tokens",
    "check --only gpu,endp": "gpu,endpoint",
    "check --fail-on w": "warning",
    "check --color=al": "always",
    "check --settings ./setti": "settings.toml",
}
LIMIT = 20.0
"""Seconds until it is given up."""


def words_of(*words: str) -> list[str]:
    return [one.word for one in offered(typed_words(words))[1]]


def kind_of(*words: str) -> str:
    return offered(typed_words(words))[0]


def test_commands_options_and_values() -> None:
    assert words_of("hi") == ["history"]
    assert words_of("nix", "to-o") == ["to-options"]
    assert words_of("check", "--verb") == ["--verbose"]
    assert words_of("check", "--verbose", "--verb") == []
    assert words_of("fix", "--strategy", "router") == ["router-tokens", "router-env"]
    assert words_of("check", "--format", "js") == ["json", "jsonl"]
    assert "CFG004" in words_of("explain", "CFG")
    assert words_of("explain", "config-unknown") == ["config-unknown-key"]
    assert words_of("check", "--timeout", "") == []
    assert words_of("nonsense", "")
    assert words_of("check", "x") == []
    assert words_of("check", "--user", "roo") == ["root"]


def test_a_list_goes_on_behind_its_comma() -> None:
    assert words_of("check", "--only", "gpu,endp") == ["gpu,endpoint"]
    assert "gpu,gpu" not in words_of("check", "--only", "gpu,")
    assert kind_of("check", "--only", "") == "list"


def test_paths_are_the_shells_own() -> None:
    assert kind_of("check", "--config", "/e") == "files"
    assert kind_of("check", "--dir=/e") == "dirs"
    assert kind_of("merge", "one.json", "") == "files"


def test_bash_tells_a_line() -> None:
    assert typed_line(["tabbydoctor check --on", "--on"]) == TypedLine(("check",), "--on", "--on")
    assert typed_line(["tabbydoctor check ", ""]) == TypedLine(("check",), "", "")
    assert typed_line(["tabbydoctor fix 'a b", "'a b"]).current == "a b"
    line = typed_line(["tabbydoctor check --color=", "="])
    assert [one.word for one in offered(line)[1]] == ["auto", "always", "never"]


def test_nothing_but_plain_words_is_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = tmp_path / "systemd/user"
    units.mkdir(parents=True)
    for name in ("tabby.service", "$(id).service", "a b.service", "x@.service"):
        (units / name).touch()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    found = words_of("check", "--user-unit", "")
    assert "tabby.service" in found
    assert not [word for word in found if re.search(r"[$ (]|@\.", word)]


def test_a_missing_state_has_no_changes_and_is_not_made(tmp_path: Path) -> None:
    assert words_of("undo", "--state-dir", str(tmp_path / "none"), "") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_one(shell: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "@TABBYDOCTOR@" not in script
    if shutil.which(shell):
        (tmp_path / "script").write_text(script)
        subprocess.run([shell, "-n", str(tmp_path / "script")], check=True)


@pytest.mark.heavy
@pytest.mark.parametrize("line", TYPED)
@pytest.mark.parametrize("shell", SHELLS)
def test_tab_completes(shell: str, line: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "TERM": "xterm",
        "LANG": "C.UTF-8",
    }
    (tmp_path / "settings.toml").touch()
    script = subprocess.run(
        ["tabbydoctor", "completion", shell],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (tmp_path / "script").write_text(script)
    assert TYPED[line] in seen(shell, line, tmp_path, environment)


def seen(shell: str, line: str, directory: Path, environment: dict[str, str]) -> str:
    """What a terminal shows after the line and two Tabs, without its escapes."""
    command, setup = SHELLS[shell]
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(directory)
        os.execvpe(command[0], command, environment)
    try:
        os.write(terminal, setup.format(script=directory / "script").encode() + b"; echo rea''dy\r")
        read_until(terminal, "ready", "")
        os.write(terminal, f"tabbydoctor {line}\t\t".encode())
        return read_until(terminal, TYPED[line], line)
    finally:
        os.close(terminal)
        os.kill(child, 9)
        os.waitpid(child, 0)


def read_until(terminal: int, wanted: str, typed: str) -> str:
    """What comes until the wanted words stand there, or for as long as is waited."""
    shown, end = "", time.monotonic() + LIMIT
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                break
            if b"\x1b[c" in data or b"\x1b[0c" in data:  # fish asks what terminal this is
                os.write(terminal, b"\x1b[?1;2c")
            shown += re.sub(
                r"\x1b(\[[0-9;?>=]*[A-Za-z]|\][^\x07]*\x07|[=>()][B0]?)",
                "",
                data.decode(errors="replace"),
            )
        if wanted in shown.replace("\r", "").replace("\n", ""):
            break
    return shown.replace("\r", "").replace("\n", "")
