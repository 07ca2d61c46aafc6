"""Reading YAML 1.2, as TabbyAPI does: hostile and broken text, without a traceback or a value."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabbydoctor.host.local import LocalHost
from tabbydoctor.tabbyapi.config_files import read_config
from tabbydoctor.yaml import yaml12


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode()))
def test_any_bytes_get_an_answer(data: bytes) -> None:
    document = yaml12.document(data)
    assert (document.problem is None) == (document.detail == "")


@given(st.text("abcx: {}[]&*!#-?|>'\"\n\t,%@`", max_size=60))
def test_any_yaml_like_text_gets_an_answer(text: str) -> None:
    document = yaml12.document(f"network:\n  port: 1\n{text}".encode())
    assert document.problem is None or document.detail


def test_values_are_those_of_yaml_1_2() -> None:
    data = yaml12.document(b"a: 05000\nb: yes\nc: 12e3\nd: 0o17\ne: 1:30\nf: &x true\n").data
    assert data == {"a": 5000, "b": "yes", "c": 12000.0, "d": 15, "e": "1:30", "f": True}


def test_lines_of_keys() -> None:
    lines = yaml12.document(b"\xef\xbb\xbfa:\r\n  b: 1\r\n  c:\r\n  - d: 2\r\n").lines
    assert lines[("a",)] == 1
    assert lines[("a", "b")] == 2
    assert lines[("a", "c", 0, "d")] == 4


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ("a: 1\nb:\n\tc: 2\n", "syntax", 3),
        ("a: 1\na: 2\n", "syntax", 2),
        ("a: 1\n---\nb: 2\n", "several-documents", 2),
        ("a: &x [*x]\n", "alias-bomb", 1),
        ("a: 1\nb: *c\n", "syntax", 2),
        ("a: \x07\n", "syntax", 1),
        ("# only this\n", "empty", None),
        ("a: !!int secret\n", "syntax", None),
        ("[" * 3000, "syntax", None),
    ],
)
def test_problems(text: str, problem: str, line: int | None) -> None:
    document = yaml12.document(text.encode())
    assert (document.problem, document.line) == (problem, line)
    assert "secret" not in document.detail


def test_a_large_file_costs_little(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_bytes(b"a: [" + b"x, " * (17 << 20) + b"]\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    file = read_config(LocalHost(), str(path), "working-directory", None)
    assert (file.problem, file.hangs) == ("too-large", True)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 120 << 10
    print(f"{time.process_time() - started:.3f} s for {path.stat().st_size >> 20} MiB")


def test_a_comment_of_any_length_is_fine() -> None:
    data = b"# " + b"x" * (yaml12.MAX_BYTES - 20) + b"\na: 1\n"
    assert yaml12.document(data).data == {"a": 1}


@pytest.mark.parametrize("kind", ["fifo", "directory", "loop", "dangling", "device"])
def test_what_is_no_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "config.yml"
    make: dict[str, Callable[[], object]] = {
        "fifo": lambda: os.mkfifo(path),
        "directory": path.mkdir,
        "loop": lambda: path.symlink_to(path),
        "dangling": lambda: path.symlink_to(tmp_path / "no"),
        "device": lambda: path.symlink_to("/dev/null"),
    }
    make[kind]()
    file = read_config(LocalHost(), str(path), "working-directory", None)
    problems = {"loop": "unreadable", "dangling": "missing"}
    assert file.problem == problems.get(kind, "not-a-file")
    assert file.hangs == (kind == "fifo")


def test_a_name_anchored_twice_is_read_and_nothing_is_quoted(
    recwarn: pytest.WarningsRecorder,
) -> None:
    document = yaml12.document(b"a: &x 1\nb: &x 2\nc: *x\n")
    assert document.data == {"a": 1, "b": 2, "c": 2}
    assert not recwarn.list
