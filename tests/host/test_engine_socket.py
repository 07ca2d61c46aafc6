"""What is asked at an engine's socket, where, and how much of an answer is taken."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tabbydoctor.host import engine_socket
from tabbydoctor.host.recording import AnswerRecord, RecordingHost, ReplayedHost
from tests.scratch_host import ScratchHost
from tests.stand_in_engine import OK, StandInEngine, answered

SOCKET = "/run/docker.sock"
LIST = "/containers/json?all=1"


def at(root: Path) -> Path:
    return root / SOCKET[1:]


def test_the_list_is_told(tmp_path: Path) -> None:
    with StandInEngine(at(tmp_path), {LIST: answered([{"Id": "x"}])}) as engine:
        answer = ScratchHost(tmp_path).ask_engine(SOCKET, LIST)
    assert (answer.status, answer.error, answer.body) == (200, None, b'[{"Id": "x"}]')
    assert engine.asked == [f"GET {LIST} HTTP/1.1"]


@pytest.mark.parametrize(
    "target",
    ["/containers/json", "/info", f"/containers/{'a' * 64}/start", "/containers/../info",
     f"/containers/{'a' * 64}/json?x\r\nX: y", "/containers/abc/json", f"{LIST}\n"],
)  # fmt: skip
def test_nothing_else_is_asked(tmp_path: Path, target: str) -> None:
    with StandInEngine(at(tmp_path), {}) as engine:
        assert ScratchHost(tmp_path).ask_engine(SOCKET, target).error == "withheld"
    assert engine.asked == []


@pytest.mark.parametrize(
    ("answer", "endless", "error"),
    [
        (OK + b"Content-Length: 99\r\n\r\n{", b"", "protocol"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"4\r\naaaa\r\n", None),
        (OK + b"\r\n", b"a" * 4096, None),
        (OK, b"X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", "protocol"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", "timeout"),
        (b"SSH-2.0-x\r\n\r\n", b"", "protocol"),
        (b"", b"", "protocol"),
    ],
    ids=["cut", "chunks", "size", "head", "continued", "no HTTP", "nothing"],
)
def test_an_answer_without_measure_ends(
    tmp_path: Path, answer: bytes, endless: bytes, error: str | None
) -> None:
    with StandInEngine(at(tmp_path), {LIST: answer}, endless):
        said = engine_socket.ask(SOCKET, LIST, timeout=0.5, limit=8192, root=str(tmp_path))
    assert said.error == error
    assert len(said.body) <= 8192
    assert said.truncated or error


def test_no_redirect_is_followed(tmp_path: Path) -> None:
    away = b"HTTP/1.1 302 Found\r\nLocation: /containers/json?all=1\r\n\r\n"
    with StandInEngine(at(tmp_path), {LIST: away}) as engine:
        answer = ScratchHost(tmp_path).ask_engine(SOCKET, LIST)
    assert (answer.status, answer.body, len(engine.asked)) == (302, b"", 1)


def test_one_that_never_answers_ends(tmp_path: Path) -> None:
    at(tmp_path).parent.mkdir()
    with socket.socket(socket.AF_UNIX) as silent:
        here = os.open(at(tmp_path).parent, os.O_PATH)
        silent.bind(f"/proc/self/fd/{here}/docker.sock")
        os.close(here)
        silent.listen()
        said = engine_socket.ask(SOCKET, LIST, timeout=0.05, root=str(tmp_path))
    assert said.error == "timeout"


def test_one_that_takes_long_is_asked_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with StandInEngine(at(tmp_path), {LIST: answered([])}) as engine:
        host = ScratchHost(tmp_path)
        assert host.ask_engine(SOCKET, LIST).error is None
        monkeypatch.setattr(engine_socket, "PATIENCE", 0.0)
        assert host.seen_by(None).ask_engine(SOCKET, LIST).error == "timeout"
    assert len(engine.asked) == 1


@pytest.mark.parametrize("what", ["nothing", "a file", "nobody listens"])
def test_where_no_engine_is(tmp_path: Path, what: str) -> None:
    at(tmp_path).parent.mkdir()
    if what == "a file":
        at(tmp_path).write_text("x")
    if what == "nobody listens":
        with StandInEngine(at(tmp_path), {}):
            pass
    error = ScratchHost(tmp_path).ask_engine(SOCKET, LIST).error
    assert error == ("refused" if what == "nobody listens" else "unreachable")


@pytest.mark.root(reason="files of other accounts")
@pytest.mark.parametrize("place", ["socket", "directory", "open", "link"])
def test_one_that_others_could_have_put_there_is_not_asked(tmp_path: Path, place: str) -> None:
    with StandInEngine(at(tmp_path), {LIST: answered([])}) as engine:
        if place == "socket":
            os.chown(at(tmp_path), 61004, 61004)
        if place == "directory":
            os.chown(at(tmp_path).parent, 61004, 61004)
        if place == "open":
            at(tmp_path).parent.chmod(0o777)
        if place == "link":
            (tmp_path / "run").rename(tmp_path / "other")
            (tmp_path / "run").symlink_to("/other")
            os.chown(tmp_path / "run", 61004, 61004, follow_symlinks=False)
        assert ScratchHost(tmp_path).ask_engine(SOCKET, LIST).error == "withheld"
    assert engine.asked == []


def test_a_bundle_answers_as_the_engine_did(tmp_path: Path) -> None:
    record = AnswerRecord()
    with StandInEngine(at(tmp_path), {LIST: answered([1])}):
        asked = RecordingHost(ScratchHost(tmp_path), record).ask_engine(SOCKET, LIST)
    replayed = ReplayedHost(record.answers())
    assert replayed.ask_engine(SOCKET, LIST).body == asked.body == b"[1]"
    assert replayed.ask_engine("/run/other.sock", LIST).error == "unreachable"
