"""Whatever stands where a file or a server should be: a finding or `unknown`, never a crash."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tabbydoctor.cli.app import run
from tabbydoctor.demo import standin
from tests.host import servers
from tests.sampling import sampled

Spoil = Callable[[Path], None]
LIMIT = "8"
"""Seconds that a check may take here."""


@pytest.fixture
def tabby(tmp_path: Path) -> Path:
    """A TabbyAPI that could be started, with nobody at its port."""
    directory = tmp_path / "TabbyAPI"
    directory.mkdir()
    standin.install(directory)
    (directory / "config.yml").write_text("network:\n  port: 1\n")
    tokens = directory / "api_tokens.yml"
    tokens.write_text(f"api_key: {'a1' * 16}\nadmin_key: {'b2' * 16}\n")
    tokens.chmod(0o600)
    return directory


def examine(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """The document of a check, in which nothing may have crashed."""
    code = run(["check", "--format", "json", "--timeout", LIMIT, *arguments])
    text = capsys.readouterr()
    assert "Traceback" not in text.err
    document: dict[str, Any] = json.loads(text.out)
    assert document["exit_code"] == code
    crashed = [check["reason"] for check in document["checks"] if check["status"] == "crashed"]
    assert crashed == []
    late = [check["id"] for check in document["checks"] if "time limit" in (check["reason"] or "")]
    assert late == []
    return document


def status(document: dict[str, Any], id: str) -> str:
    return next(str(check["status"]) for check in document["checks"] if check["id"] == id)


def replaced(path: Path) -> Path:
    path.unlink()
    return path


def loop(path: Path) -> None:
    replaced(path).symlink_to(path.name)


def huge(path: Path) -> None:
    with path.open("w") as file:
        for number in range(1_000_000):
            file.write(f"key{number}: {'x' * 40}\n")
    assert path.stat().st_size > 50_000_000


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)
SPOILT: dict[str, Spoil] = {
    "broken": lambda path: void(path.write_text("network:\n\tport: [")),
    "empty": lambda path: void(path.write_text("")),
    "huge": huge,
    "binary": lambda path: void(path.write_bytes(bytes(range(256)) * 64)),
    "FIFO": lambda path: os.mkfifo(replaced(path)),
    "directory": lambda path: replaced(path).mkdir(),
    "link to itself": loop,
    "link to nothing": lambda path: replaced(path).symlink_to("/nonexistent/file"),
    "a list": lambda path: void(path.write_text("- a\n- b\n")),
    "a scalar": lambda path: void(path.write_text("just words\n")),
    "several documents": lambda path: void(path.write_text("a: 1\n---\nb: 2\n")),
    "duplicate keys": lambda path: void(path.write_text("a: 1\na: 2\n")),
    "an alias bomb": lambda path: void(path.write_text(BOMB)),
    "undefined alias": lambda path: void(path.write_text("a: *nobody\n")),
    "a device": lambda path: replaced(path).symlink_to("/dev/zero"),
    "deep nesting": lambda path: void(path.write_text("[" * 5000)),
}


def void(_: object) -> None:
    """Throw a value away."""


@pytest.mark.parametrize("spoil", sampled(SPOILT.values(), 3), ids=SPOILT.keys())
def test_config(tabby: Path, spoil: Spoil, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(tabby / "config.yml")
    document = examine(capsys, "--dir", str(tabby))
    expected = {"CFG001", "CFG002"}
    statuses = {status(document, id) for id in expected}
    assert statuses & {"failed", "warning"}, statuses


@pytest.mark.parametrize("spoil", sampled(SPOILT.values(), 3), ids=SPOILT.keys())
def test_tokens(tabby: Path, spoil: Spoil, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(tabby / "api_tokens.yml")
    document = examine(capsys, "--dir", str(tabby))
    expected = ("TOK001", "TOK002", "TOK003", "TOK007")
    statuses = {status(document, id) for id in expected}
    assert statuses & {"failed", "info", "unknown"}, statuses


@pytest.mark.root(reason="to be somebody else")
@pytest.mark.parametrize("name", ["config.yml", "api_tokens.yml"])
def test_a_file_the_doctor_may_not_read_is_unknown_with_what_is_needed(
    tabby: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (tabby / name).chmod(0)
    for path in (tabby, *tabby.parents):
        if path.stat().st_uid == 0 and str(path).startswith("/tmp/"):
            path.chmod(path.stat().st_mode | 0o755)
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        os._exit(run(["check", "--format", "json", "--dir", str(tabby)]))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) in (0, 1)
    document = json.loads(capfd.readouterr().out)
    assert not [check for check in document["checks"] if check["status"] == "crashed"]
    reasons = [check["reason"] for check in document["checks"] if check["status"] == "unknown"]
    assert any(re.search("root|sudo", reason) for reason in reasons), reasons


def test_a_directory_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--dir", "/nonexistent/TabbyAPI"]) == 2
    assert "/nonexistent/TabbyAPI" in capsys.readouterr().err


@pytest.mark.parametrize(
    "unit", ["nope", "../../etc/passwd", "a b", "-h", "x@y:z.service", "é", "*", "'; reboot"]
)
def test_odd_unit_names(tabby: Path, unit: str, capsys: pytest.CaptureFixture[str]) -> None:
    examine(capsys, "--dir", str(tabby), f"--unit={unit}")


BAD_SERVERS: dict[str, servers.Behaviour] = {
    "hangs": servers.hangs,
    "resets": servers.resets,
    "garbage": servers.says(b"\x00\xff SSH-2.0 garbage\r\n\r\n"),
    "redirects": servers.answers("302 Found", b"", "Location: http://127.0.0.1:9/"),
    "streams for ever": servers.streams,
    "drips": servers.drips,
    "a stranger": servers.answers("200 OK", b'{"service": "something else"}'),
}


@pytest.mark.parametrize("behave", BAD_SERVERS.values(), ids=BAD_SERVERS.keys())
def test_servers(
    tabby: Path, behave: servers.Behaviour, capsys: pytest.CaptureFixture[str]
) -> None:
    with servers.listening(behave) as server:
        document = examine(capsys, "--dir", str(tabby), "--url", server.url)
        assert {status(document, id) for id in ("API001", "API002")} & {"failed", "unknown"}
        assert not any(server.saw(key) for key in ("a1" * 16, "b2" * 16))
