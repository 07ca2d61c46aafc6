"""API003: TabbyAPI on another port, and who must move."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checks.endpoint.port_moved import port_moved
from tabbydoctor.api import Finding
from tabbydoctor.deployment.parts import Instance, ProcessTable
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.host.data import Listener, Process
from tabbydoctor.routers import RouterReading
from tabbydoctor.tabbyapi.log import LogLine, RunLog
from tests.checks.endpoint.conftest import Start, look

ACTIVE = Unit("tabbyapi.service", {"ActiveState": "active", "MainPID": "7"})
RUNNING = Instance("/srv", unit=ACTIVE, process=Process(7, ("python", "main.py")))


def moved(
    start: Start,
    table: ProcessTable | None,
    *log: str,
    holder: str = "",
    router: RouterReading | None = None,
) -> Finding:
    """What is said of a server that should listen at port 5000."""
    seen = look(start(), moved=True)
    found = replace(seen.endpoint, address=replace(seen.endpoint.address, holder=holder))
    lines = RunLog("journalctl", tuple(map(LogLine, log))) if log else None
    (finding,) = port_moved.judge(found, seen.config, RUNNING, table, lines, router)
    port = found.address.url.rpartition(":")[2]
    assert finding.title == f"TabbyAPI serves on port {port}, not on the configured 5000"
    return finding


LOOK = "sudo ss -ltnp 'sport = :5000'"
RESTART = "sudo systemctl restart tabbyapi.service"
NOBODY = ProcessTable((), ())


def test_a_moved_port(start: Start) -> None:
    assert moved(start, None).remedies[0].commands == (LOOK, RESTART)


@pytest.mark.parametrize(
    ("process", "stop"),
    [
        (Process(134, ("python3",)), "sudo kill 134"),
        (Process(134, ("nginx",), unit="nginx.service"), "sudo systemctl stop nginx.service"),
        (Process(134, ("x",), unit="x.service", user_unit=True), "systemctl --user stop x.service"),
        (Process(134, ("python3",), unit="session-2.scope"), "sudo kill 134"),
    ],
)
def test_who_holds_the_port_is_in_the_commands(start: Start, process: Process, stop: str) -> None:
    table = ProcessTable((process,), (Listener("127.0.0.1", 5000, 134),))
    finding = moved(start, table, "Port 5000 is currently in use. Switching to 5001", holder="x")
    assert finding.remedies[0].commands == (LOOK, stop, RESTART)


def test_a_port_that_was_only_edited_needs_a_restart_and_clients_that_follow(start: Start) -> None:
    elsewhere = RouterReading("/r.py", "python", addresses=("http://127.0.0.1:5001",))
    finding = moved(start, NOBODY, "Uvicorn running on http://127.0.0.1:5001", router=elsewhere)
    assert "was configured after TabbyAPI started" in finding.detail
    restart, follow = finding.remedies
    assert restart.commands == (RESTART,)
    assert "the router" in follow.title


def test_a_router_that_asks_there_already_need_not_follow(start: Start) -> None:
    there = RouterReading("/r.py", "python", addresses=("http://127.0.0.1:5000",))
    finding = moved(start, NOBODY, "Uvicorn running on http://127.0.0.1:5001", router=there)
    assert len(finding.remedies) == 1


def test_a_port_that_is_free_again_needs_a_restart_alone(start: Start) -> None:
    finding = moved(start, NOBODY, "WARNING: Port 5000 is currently in use. Switching to 5001")
    assert "was taken when it started" in finding.detail
    assert [remedy.commands for remedy in finding.remedies] == [(RESTART,)]
