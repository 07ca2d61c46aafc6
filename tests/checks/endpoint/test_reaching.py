"""API001, API002: whether it is TabbyAPI that answers, and where."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checks.endpoint.not_tabbyapi import not_tabbyapi
from checks.endpoint.port_moved import port_moved
from checks.endpoint.unreachable import unreachable
from tabbydoctor.api import Finding, Severity, Unknown
from tabbydoctor.deployment.parts import Instance, ProcessState
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.host.data import Process
from tabbydoctor.routers import RouterReading
from tabbydoctor.tabbyapi.log import LogLine, RunLog
from tabbydoctor.tabbyapi.probes import Address, Endpoint
from tests.checks.endpoint.conftest import Seen, probe
from tests.host.servers import answers, hangs, listening, says

NOWHERE = Address("http://127.0.0.1:1", "127.0.0.1:1", "the test")
ACTIVE = Unit("tabbyapi.service", {"ActiveState": "active", "MainPID": "7"})
DEAD = Unit("tabbyapi.service", {"ActiveState": "inactive", "Result": "success"})
RUNNING = Instance("/srv", unit=ACTIVE, process=Process(7, ("python", "main.py")))
DOWN = Instance("/srv", unit=DEAD)


def judge(
    found: Endpoint,
    instance: Instance | None = None,
    log: RunLog | None = None,
    router: RouterReading | None = None,
    seen: Seen | None = None,
    state: ProcessState | None = None,
) -> list[Finding]:
    config = seen.config if seen else None
    return list(unreachable.judge(found, instance, config, log, router, state))


def test_a_healthy_server_is_reached(healthy: Seen) -> None:
    assert not judge(healthy.endpoint, healthy.instance)
    assert not list(not_tabbyapi.judge(healthy.endpoint))
    assert not list(port_moved.judge(healthy.endpoint, healthy.config, *[None] * 4))


def test_loading_is_told_from_down(healthy: Seen) -> None:
    found = probe(NOWHERE)
    (loading,) = judge(found, RUNNING, RunLog("journalctl", (LogLine("Loading"),)), seen=healthy)
    assert loading.title == "TabbyAPI is loading: nothing listens yet at http://127.0.0.1:1"
    assert "tiny" in loading.detail
    assert loading.remedies[0].commands == ("sudo journalctl -u tabbyapi.service -f",)
    (down,) = judge(found, DOWN)
    assert down.title == "TabbyAPI is down: nothing listens at http://127.0.0.1:1"
    assert down.remedies[0].commands[0] == "sudo systemctl start tabbyapi.service"


def test_one_that_served_and_listens_no_more_is_not_loading() -> None:
    log = RunLog("journalctl", (LogLine("Uvicorn running on http://127.0.0.1:1"),))
    (finding,) = judge(probe(NOWHERE), RUNNING, log)
    assert finding.title.startswith("TabbyAPI runs, and nothing listens")


def test_a_restart_loop_is_not_loading() -> None:
    properties = {"ActiveState": "active", "SubState": "running", "MainPID": "7", "NRestarts": "1"}
    found = probe(NOWHERE)
    begun = Process(7, ("python", "main.py"), started=found.asked_at - 2)
    loops = Instance("/srv", unit=Unit("tabbyapi.service", properties), process=begun)
    (finding,) = judge(found, loops, RunLog("journalctl", (LogLine("Loading"),)))
    assert finding.title == "TabbyAPI does not stay up: nothing listens at http://127.0.0.1:1"
    given_up = replace(loops, unit=Unit("tabbyapi.service", {"ActiveState": "failed"}))
    (finding,) = judge(found, replace(given_up, process=None))
    assert finding.title.startswith("TabbyAPI is down")
    loads = replace(loops, process=replace(begun, started=found.asked_at - 300))
    (finding,) = judge(found, loads, RunLog("journalctl", (LogLine("Loading"),)))
    assert finding.title.startswith("TabbyAPI is loading")


def test_stopped_until_the_router_starts_it_is_a_remark() -> None:
    router = RouterReading("/opt/router.py", "python", starts_units=("tabbyapi",))
    (finding,) = judge(probe(NOWHERE), DOWN, router=router)
    assert finding.severity is Severity.INFO
    failed = replace(DOWN, unit=Unit("tabbyapi.service", {"ActiveState": "failed"}))
    (finding,) = judge(probe(NOWHERE), failed, router=router)
    assert finding.severity is None


def test_one_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tabbydoctor.tabbyapi.meeting.TIMEOUT", 0.3)
    with listening(hangs) as server:
        found = probe(Address(server.url, "", "the test"))
    (finding,) = judge(found, RUNNING, state=ProcessState("S"))
    assert finding.title == f"TabbyAPI at {server.url} does not answer"
    restart = "sudo systemctl restart tabbyapi.service"
    assert finding.remedies[0].commands[-1] == restart
    (halted,) = judge(found, RUNNING, state=ProcessState("T"))
    assert halted.title.endswith("its process is stopped")
    assert halted.evidence[1].actual == "T"
    assert [one.commands for one in halted.remedies] == [("sudo kill -CONT 7",), (restart,)]
    (lone,) = judge(found, replace(RUNNING, unit=None), state=ProcessState("T"))
    assert [one.commands for one in lone.remedies] == [("sudo kill -CONT 7",)]


def test_a_wrong_name() -> None:
    found = probe(Address("http://no-such-host.invalid:5000", "", "--url", trusted=True))
    (finding,) = judge(found)
    assert finding.title.startswith("Nothing usable answers at http://no-such-host.invalid:5000")


def test_a_stranger_is_named() -> None:
    with listening(answers("200 OK", b"<title>Syncthing</title>")) as server:
        found = probe(Address(server.url, "", "the test"))
        held = probe(Address(server.url, "", "the test", holder="nginx (pid 4)"))
    (finding,) = not_tabbyapi.judge(found)
    assert finding.title == f"Something else than TabbyAPI answers at {server.url}: Syncthing"
    assert finding.remedies[0].commands == (f"sudo ss -ltnp 'sport = :{server.port}'",)
    (finding,) = not_tabbyapi.judge(held)
    assert finding.title.endswith(": nginx (pid 4)")
    assert not judge(found)


def test_what_speaks_no_http_is_a_stranger_too() -> None:
    with listening(says(b"220 mail.example ESMTP\r\n\r\n")) as server:
        found = probe(Address(server.url, "", "the test"))
    assert len(list(not_tabbyapi.judge(found))) == 1
    assert not judge(found)


def test_a_gate_leaves_it_unknown() -> None:
    with listening(answers("502 Bad Gateway")) as server:
        found = probe(Address(server.url, "", "the test"))
    with pytest.raises(Unknown):
        list(not_tabbyapi.judge(found))
