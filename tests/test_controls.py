"""No control and no invisible sign of anyone else's reaches an output raw, in any command."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabbydoctor.cli.app import run
from tabbydoctor.demo import standin
from tabbydoctor.reports.visible import visible_json, visible_lines
from tests.host import servers

SIGNS = (
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
    "\u200b\ufeff\u2028\x1b\x07\x9b\x85\xad"
)
"""Marks of direction, what has no width, line separators, terminal controls."""
FOREIGN = f"a{SIGNS}z"
ESCAPED = json.dumps(FOREIGN)
CONFIG = f"""\
network:
  port: {{port}}
  {ESCAPED}: {ESCAPED}
model:
  model_name: {ESCAPED}
  cache_mode: {ESCAPED}
{ESCAPED}:
  disable: true
auth:
  disable: {ESCAPED}
developer:
  unsafe_launch: true
"""
ROUTER = f"""\
import httpx
URL = "http://127.0.0.1:{{port}}/v1/models"  # {FOREIGN.replace(chr(0x85), "")}
NAME = {ESCAPED}
def check_health():
    return httpx.get(URL).status_code == 200
"""
COMMANDS = [
    ["check"],
    ["check", "--verbose"],
    ["check", "--format", "json"],
    ["config"],
    ["config", "--verbose"],
    ["config", "--format", "json"],
    ["probe"],
    ["probe", "--format", "json"],
    ["fix", "--auth", "--dry-run"],
    ["fix", "--auth", "--dry-run", "--format", "json"],
    ["fix", "--all-safe", "--dry-run"],
    ["fix", "CFG003", "CFG004", "--yes", "--no-restart", "--ready-timeout", "1"],
    ["history"],
    ["history", "--format", "json"],
    ["undo"],
    ["nix", "to-options"],
    ["explain", FOREIGN],
    ["explain", FOREIGN, "--format", "json"],
    ["check", "--only", FOREIGN],
    ["check", "--format", FOREIGN],
    ["check", FOREIGN],
    ["check", f"--{FOREIGN}"],
    ["check", "--output", f"/nonexistent/{FOREIGN}"],
    ["check", "--unit", FOREIGN],
    ["check", "--url", FOREIGN],
    ["check", "--config", f"/nonexistent/{FOREIGN}", "--format", "json"],
    ["config", "--dir", f"/nonexistent/{FOREIGN}"],
    ["fix", FOREIGN],
    ["fix", "--auth", "--strategy", FOREIGN],
    ["undo", FOREIGN],
    ["nix", "to-config", f"/nonexistent/{FOREIGN}"],
    ["history", "--settings", f"/nonexistent/{FOREIGN}"],
    [FOREIGN],
]


def _with(targets: list[str], command: list[str]) -> list[str]:
    """The command of these targets; what it says itself comes last, and wins."""
    first = 2 if command[0] == "nix" else 1
    return [*command[:first], *targets, *command[first:]]


def raw(text: str) -> set[str]:
    """The signs in an output that must not be there."""
    kinds = ("Cc", "Cf", "Zl", "Zp")
    return {char for char in text if char != "\n" and unicodedata.category(char) in kinds}


@pytest.fixture
def stranger() -> Iterator[servers.Listener]:
    """A server that is all signs: its header, its page, its JSON."""
    info = {"software": {"name": "TabbyAPI"}, "service": "TabbyAPI", "version": FOREIGN}
    told = {"detail": FOREIGN, "permission": FOREIGN, "id": FOREIGN, "issues": [{"time": FOREIGN}]}
    table = {"/.well-known/serviceinfo": servers.answers("200 OK", json.dumps(info).encode())}
    with servers.listening(
        servers.routes(table, servers.answers("503 Service Unavailable", json.dumps(told).encode()))
    ) as listener:
        yield listener


def test_nowhere(
    tmp_path: Path, stranger: servers.Listener, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / f"Tabby{FOREIGN.replace('/', '')}API"
    directory.mkdir()
    standin.install(directory)
    (directory / "config.yml").write_text(CONFIG.format(port=stranger.port))
    (directory / "logs").mkdir()
    (directory / "logs" / "x.log").write_text(f"ERROR OutOfMemoryError: {FOREIGN}\n")
    router = directory / f"router{FOREIGN}.py"
    router.write_text(ROUTER.format(port=stranger.port))
    targets = ["--dir", str(directory), "--router", str(router)]
    targets += ["--url", f"http://127.0.0.1:{stranger.port}"]
    targets += ["--state-dir", str(tmp_path / "state")]
    for command in COMMANDS:
        run(_with(targets, command))
        shown = capsys.readouterr()
        assert not raw(shown.out + shown.err), command
        if "json" in command:
            json.loads(shown.out)
    run(["config", "--format", "json", *targets])
    told = json.loads(capsys.readouterr().out)
    values = [one["value"] for one in told["settings"] if one["key"] == "model_name"]
    assert values == [FOREIGN], "escaped, and the same"


@given(st.text())
def test_a_document_means_the_same(text: str) -> None:
    document = json.dumps({"a": text}, ensure_ascii=False)
    shown = visible_json(document)
    assert json.loads(shown) == json.loads(document)
    assert not raw(shown)


@given(st.text())
def test_lines_stay_lines(text: str) -> None:
    shown = visible_lines(text)
    assert shown.count("\n") == text.count("\n")
    assert not raw(shown)
    assert visible_lines(shown) == shown
