"""Whose socket gets a key: strangers, forwarders and socket activation on a real systemd."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.lab.deployment import ADMIN_KEY, API_KEY, Deploy, Deployment
from tests.lab.outcome import faults_in
from tests.standing import program

PROGRAM = Path(program.__file__).read_text()
LIKENESS = """\
[Service]
ExecStart=/usr/bin/python3 /opt/likeness/program.py plain {address} 5000 /opt/likeness/received
"""
RECEIVED = "/opt/likeness/received"
ON_A_SOCKET = f"""\
import socket, sys
sys.path.insert(0, "/opt/likeness")
import program
program.API_KEY, program.ADMIN_KEY = {API_KEY!r}, {ADMIN_KEY!r}
listener = socket.socket(fileno=3)
program.each(listener, lambda one: program.serve(one, "received"))
"""
FORWARDER = """\
[Service]
ExecStart=/usr/lib/systemd/systemd-socket-proxyd 127.0.0.1:5000
User=nobody
"""


def likeness(d: Deployment, address: str) -> None:
    """A service that is not TabbyAPI and answers like it."""
    d.machine.write("/opt/likeness/program.py", PROGRAM, mode=0o644)
    d.machine.write(RECEIVED, "", mode=0o666)
    d.machine.unit("likeness.service", LIKENESS.format(address=address))
    d.machine.systemctl("start", "likeness.service")
    host = f"[{address}]" if ":" in address else address
    url = f"http://{host}:5000/health"
    d.machine.wait_for(lambda: d.request("GET", url).status == 200, "the likeness", 10)


def accepted(d: Deployment, *arguments: str) -> set[str]:
    """The credentials that made a 200 at `probe`'s keyed route."""
    table = json.loads(d.doctor("probe", "--format", "json", *arguments).stdout)
    return {
        one["credential"]
        for one in table["answers"]
        if one["endpoint"] == "/v1/auth/permission" and one["status"] == 200
    }


BOTH = {"api_key", "admin_key"}


@pytest.mark.parametrize("url", [None, "http://localhost:5000", "http://[::]:5000"])
def test_beside_its_likeness_tabbyapi_is_judged_and_repaired(
    deploy: Deploy, url: str | None
) -> None:
    broken = deploy(router="broken")
    broken.start()
    broken.wait_ready()
    likeness(broken, "::1")
    named = ("--url", url) if url else ()
    assert accepted(broken, *named) == BOTH
    assert broken.doctor("fix", "--auth", "--yes", *named).exit_code == 0
    assert "RTR002" not in faults_in(broken.doctor("check", "--format", "json", *named).document)
    received = broken.machine.read(RECEIVED)
    assert "authorization" not in received.lower()


def test_its_likeness_on_the_port_of_a_stopped_tabbyapi(deployment: Deployment) -> None:
    deployment.machine.systemctl("stop", "llm-router.service", "tabbyapi.service")
    likeness(deployment, "127.0.0.1")
    for arguments in (("check", "--format", "json"), ("probe",), ("fix", "--auth", "--yes")):
        ran = deployment.doctor(*arguments)
        if arguments[0] == "check":
            assert "API002" in faults_in(ran.document)
            assert "likeness.service" in ran.stdout
    received = deployment.machine.read(RECEIVED)
    assert "serviceinfo" in received
    assert "authorization" not in received.lower()


def test_a_visitor_sends_no_admin_key(deployment: Deployment) -> None:
    deployment.machine.useradd("visitor", shell="/bin/bash")
    deployment.machine.run(["chmod", "0644", str(deployment.tokens)])
    seen = deployment.doctor("probe", "--format", "json", user="visitor")
    table = json.loads(seen.stdout)
    asked = {one["credential"] for one in table["answers"]}
    assert (table["identity"], asked) == ("tabbyapi", {"none", "wrong", "api_key"})
    assert "root" in table["admin_withheld"]
    assert accepted(deployment) == BOTH


def test_its_own_account_sees_its_process(deployment: Deployment) -> None:
    found = deployment.doctor("probe", "--format", "json", user=deployment.user)
    table = json.loads(found.stdout)
    assert table["admin_withheld"] is None
    assert {one["credential"] for one in table["answers"]} == {"none", "wrong", *BOTH}


def test_behind_systemds_own_forwarder_tabbyapi_is_asked_itself(deployment: Deployment) -> None:
    machine = deployment.machine
    machine.unit("front.socket", "[Socket]\nListenStream=127.0.0.1:5005\n")
    machine.unit("front.service", FORWARDER)
    machine.systemctl("start", "front.socket")
    named = ("--url", "http://127.0.0.1:5005")
    assert accepted(deployment, *named) == BOTH
    table = json.loads(deployment.doctor("probe", "--format", "json", *named).stdout)
    assert table["url"] == "http://127.0.0.1:5000"
    assert "behind systemd-socket-proxyd" in table["found_by"]


def test_a_tabbyapi_that_systemd_starts_by_its_socket(deploy: Deploy) -> None:
    activated = deploy()
    machine = activated.machine
    machine.write("/opt/likeness/program.py", PROGRAM, mode=0o644)
    machine.write(activated.directory / "main.py", ON_A_SOCKET, mode=0o644)
    machine.unit("tabbyapi.socket", "[Socket]\nListenStream=127.0.0.1:5000\n")
    machine.systemctl("start", "tabbyapi.socket", "tabbyapi.service")
    assert accepted(activated) == BOTH
    assert machine.property("tabbyapi.service", "ActiveState") == "active"
