"""What is shown as evidence is read again on the machine, and a false piece is told from a true."""

from __future__ import annotations

from dataclasses import replace

from tests.lab import evidence
from tests.lab.deployment import Deploy
from tests.lab.outcome import Outcome

CONFIG = "/home/ivan/TabbyAPI/config.yml"
LIST = "http://127.0.0.1:5000/v1/models"
SHOW = "systemctl show tabbyapi.service -p ActiveState,Result"
PIECES = (
    (f"{CONFIG}:3", "port: 5000", True),
    (f"{CONFIG}:3", "port: 5001", False),
    (f"{CONFIG}:99", "port: 5000", False),
    (CONFIG, "a file that is not read", True),
    (CONFIG, "nothing", False),
    ("/etc/nobody.yml", "nothing", True),
    (f"stat {CONFIG}", "mode 0644, owner 1001:1001", True),
    (f"stat {CONFIG}", "mode 0600, owner 1001:1001", False),
    (SHOW, "active, success", True),
    (SHOW, "failed, exit-code", False),
    ("journalctl -u tabbyapi.service", "Uvicorn running on", True),
    ("journalctl -u tabbyapi.service", "CUDA out of memory", False),
    (LIST, "401 Please provide an API key", True),
    (LIST, "200", False),
    ("http://127.0.0.1:5999/health", "connection refused", True),
    (f"GET {LIST}, without a key", "401, TabbyAPI's Please provide an API key", True),
    (f"GET {LIST}, with a key nobody knows", "401, TabbyAPI's Please provide an API key", False),
    ("NVML, GPU 0", "NVML error 15", None),
)


def test_true_and_false_pieces(deploy: Deploy) -> None:
    d = deploy()
    d.start()
    d.wait_ready()
    d.machine.run(["chmod", "644", CONFIG])
    for source, actual, so in PIECES:
        told = evidence.read_again(d.machine, [{"source": source, "actual": actual}])
        assert told == ({} if so is None else {f"{source}: {actual}": so})


def test_one_false_piece_is_enough() -> None:
    outcome = Outcome("fault", "a fault", ("CFG003",), ("CFG003",))
    assert outcome.evidence_true is None
    assert outcome.right
    assert replace(outcome, evidence={"a": True}).right
    assert not replace(outcome, evidence={"a": True, "b": False}).right
