"""A front as it runs, under its unit, attacked by its router's account."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.front import attacks, recorder
from tests.front.heard import faults_of
from tests.front.test_attacks import WITH_TRAILERS
from tests.lab.deployment import API_KEY, Deploy
from tests.lab.test_front import FIX, PROGRAMS, place, running

RECORD = "/var/lib/recorder"
LISTENS = "http://127.0.0.1:5000"
UNIT = f"""\
[Service]
StateDirectory=recorder
ExecStart=/usr/bin/python3 /opt/recorder.py 5000 {RECORD}
"""


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_attack_reaches_tabbyapi(deploy: Deploy, program: str) -> None:
    deployment = running(deploy, "node-variable", program)
    machine = deployment.machine
    fixed = deployment.doctor(*FIX)
    assert fixed.exit_code == 0, fixed.stdout + fixed.stderr
    port = place(deployment).rpartition(":")[2]
    machine.systemctl("stop", "llm-router.service", "tabbyapi.service")
    machine.write("/opt/recorder.py", Path(recorder.__file__).read_bytes())
    machine.unit("recorder.service", UNIT)
    machine.systemctl("start", "recorder.service")
    machine.wait_for(lambda: deployment.request("GET", LISTENS).status == 200, "it to listen")
    machine.run(["find", RECORD, "-type", "f", "-delete"])

    source = Path(attacks.__file__).read_text()
    if program in WITH_TRAILERS:
        source = source.replace("\nTRAILER = ", '\nTRAILER = b""  # ')
    machine.run(
        ["/usr/bin/python3", "-", "127.0.0.1", port], user="router", input=source, timeout=300
    )
    came = [state.content for state in machine.snapshot([RECORD]).values() if state.content]
    faults = [fault for one in came for fault in faults_of(one, API_KEY)]
    assert faults == []
    assert len(came) > 0
    assert machine.property("tabbydoctor-front.service", "NRestarts") == "0"
