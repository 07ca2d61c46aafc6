"""`check` ends in time, and the process with it, whatever hangs or floods."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tabbydoctor.demo import standin
from tests.routers.hostile import HEAD, TAIL
from tests.sampling import sampled

MEMORY = 300
"""MB of resident memory that a check stays below."""
PATIENCE = 240
"""Seconds after which a test gives up: many times what a check may take."""
HANGING = """
import sys, threading
from tabbydoctor.host import files
_read, hanging = files.read, sys.argv[1]
def read(path, *given, **named):
    if path.endswith(hanging):
        threading.Event().wait()  # as a file system that does not answer
    return _read(path, *given, **named)
files.read = read
sys.argv[1:] = sys.argv[2:]
from tabbydoctor.__main__ import main
sys.exit(main())
"""
SYSTEMCTL: Mapping[str, str] = {
    "floods stderr": "while :; do echo eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee >&2; done",
    "floods stdout": "exec yes 'Id=a.service'",
    "one line without end": "exec tr '\\0' 'a' < /dev/zero",
    "paths without end": "echo EnvironmentFiles=$(head -c 3000000 /dev/zero | tr '\\0' 'a')",
    "closes its outputs": "exec >&- 2>&-; sleep 600",
    "ignores signals": "trap '' TERM INT HUP; while :; do sleep 1; done",
    "leaves a child": "sleep 600 & echo Version=252",
    "garbage": "head -c 100000 /dev/urandom",
}


@pytest.fixture
def tabby(tmp_path: Path) -> Path:
    directory = tmp_path / "TabbyAPI"
    directory.mkdir()
    standin.install(directory)
    (directory / "config.yml").write_text("network:\n  port: 1\n")
    (directory / "api_tokens.yml").write_text(f"api_key: {'a1' * 16}\nadmin_key: {'b2' * 16}\n")
    return directory


def checked(
    code: list[str], tabby: Path, *arguments: str, path: str = ""
) -> tuple[dict[str, Any], int]:
    """The document of a check in a process of its own, and its peak memory in MB."""
    argv = [sys.executable, *code, "check", "--format", "json", "--dir", str(tabby), *arguments]
    environment = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}" if path else os.defpath}
    probe = "import json,resource,subprocess,sys\n" + (
        "out = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=False)\n"
        "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024\n"
        "print(json.dumps([out.stdout.decode(), out.returncode, peak]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", probe, *argv],
        stdout=subprocess.PIPE,
        env=environment,
        timeout=PATIENCE,
        check=True,
    )
    text, ended, peak = json.loads(ran.stdout)
    document: dict[str, Any] = json.loads(text)
    assert document["exit_code"] == ended
    assert [each for each in document["checks"] if each["status"] == "crashed"] == []
    return document, peak


def statuses(document: dict[str, Any]) -> dict[str, str]:
    return {each["id"]: each["status"] for each in document["checks"]}


def test_a_router_that_cannot_be_read_holds_up_only_its_own_checks(tabby: Path) -> None:
    router = tabby.parent / "router.py"
    router.write_text(HEAD + TAIL)
    code = ["-c", HANGING, "router.py"]
    document, _ = checked(code, tabby, "--router", str(router), "--timeout", "1")
    found = statuses(document)
    late = {each["id"] for each in document["checks"] if "whole run" in (each["reason"] or "")}
    assert late
    assert all(id.startswith(("RTR", "API009")) for id in late), late
    assert found["API001"] == "failed"
    assert found["CFG002"] == "passed"


@pytest.mark.parametrize("file", ["config.yml", "api_tokens.yml", "main.py"])
def test_a_file_that_never_answers_does_not_hold_the_process(tabby: Path, file: str) -> None:
    document, _ = checked(["-c", HANGING, file], tabby, "--timeout", "1")
    assert document["checks"]


@pytest.mark.parametrize("name", sampled(SYSTEMCTL, 3))
def test_no_systemctl_holds_the_doctor_or_crashes_a_check(
    tabby: Path, tmp_path: Path, name: str
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("systemctl", "journalctl"):
        (tools / tool).write_text(f"#!/bin/sh\n{SYSTEMCTL[name]}\n")
        (tools / tool).chmod(0o755)
    document, peak = checked(
        ["-m", "tabbydoctor"], tabby, "--timeout", "3", "--url", "http://127.0.0.1:1",
        path=str(tools),
    )  # fmt: skip
    assert document["checks"]
    assert peak < MEMORY
