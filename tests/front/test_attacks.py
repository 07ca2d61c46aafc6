"""An attacker before each program: what reaches TabbyAPI is what the front meant to hand on."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest

from .attacks import ADMIN, attacks, say_all
from .designs import KEY
from .heard import faults_of
from .recorder import serve
from .running import PROGRAMS, DidNotStartError, fronted

WITH_TRAILERS = ("haproxy", "caddy")
"""Those that hand on what follows a chunked body (Caddy where it is announced), which httptools
takes for fields of the head. Who has the admin key may as well ask TabbyAPI itself."""


@contextmanager
def recorded(directory: Path) -> Iterator[tuple[int, Path]]:
    """A port, and where what comes to it is kept."""
    record = directory / "record"
    record.mkdir()
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        threading.Thread(target=serve, args=(listener, record), daemon=True).start()
        yield listener.getsockname()[1], record


def faults_in(record: Path) -> list[str]:
    """What should not have come, on all connections."""
    came = [path.read_bytes() for path in sorted(record.iterdir())]
    return [fault for one in came for fault in faults_of(one, KEY)]


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.heavy), 40])
@pytest.mark.parametrize("program", PROGRAMS)
def test_no_attack_reaches_tabbyapi(tmp_path: Path, program: str, every: int) -> None:
    said = dict(islice(attacks().items(), 0, None, every))
    if program in WITH_TRAILERS:
        said = {name: one for name, one in said.items() if "trailer" not in name}
    with recorded(tmp_path) as (backend, record), fronted(tmp_path, program, backend) as port:
        answers = say_all("127.0.0.1", port, said)
    assert faults_in(record) == []
    assert len(answers) == len(said)


@pytest.mark.parametrize("program", PROGRAMS)
def test_without_a_key_of_its_own_it_hands_on_no_other(tmp_path: Path, program: str) -> None:
    """Its file was emptied by hand: callers do not speak for themselves then."""
    sent = b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\n\r\n" % ADMIN
    with recorded(tmp_path) as (backend, record):
        try:
            with fronted(tmp_path, program, backend, key="") as port:
                answers = say_all("127.0.0.1", port, {"own key": sent})
        except DidNotStartError:
            assert program == "caddy"  # imports no empty file
            return
        came = b"".join(path.read_bytes() for path in record.iterdir())
    assert answers["own key"].startswith(b"HTTP/1.1 200 ")
    assert came.count(b"GET ") == 3
    assert ADMIN not in came


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_key_that_is_written_anew_is_not_taken_by_halves(tmp_path: Path, program: str) -> None:
    """It is read at the start alone: what stands in the file meanwhile goes nowhere."""
    with recorded(tmp_path) as (backend, record), fronted(tmp_path, program, backend) as port:
        for text in ("", "Auth", "proxy_set_header Authorization", 'header_up "'):
            (tmp_path / "key").write_text(text)
            say_all("127.0.0.1", port, {text: b""})
    assert faults_in(record) == []
    assert len(list(record.iterdir())) > 0
