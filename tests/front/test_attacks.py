"""An attacker before each program: what reaches TabbyAPI is what the front meant to hand on."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from .attacks import attacks, say_all
from .designs import KEY
from .heard import faults_of
from .recorder import serve
from .running import PROGRAMS, fronted


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_attack_reaches_tabbyapi(tmp_path: Path, program: str) -> None:
    record = tmp_path / "record"
    record.mkdir()
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        threading.Thread(target=serve, args=(listener, record), daemon=True).start()
        with fronted(tmp_path, program, listener.getsockname()[1]) as port:
            say_all("127.0.0.1", port, attacks())
    came = [path.read_bytes() for path in sorted(record.iterdir())]
    faults = [fault for bytes_ in came for fault in faults_of(bytes_, KEY)]
    assert faults == [], f"{len(faults)} of {len(came)}"
