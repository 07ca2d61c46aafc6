"""`install-timer` and `remove-timer`, inside: what the hardened run sees, says and leaves."""

from __future__ import annotations

import json
from typing import Any

from tests.lab.deployment import API_KEY, Deploy, Deployment
from tests.lab.outcome import faults_in, told

SERVICE, TIMER = "tabbydoctor.service", "tabbydoctor.timer"
RECORD = "/var/lib/tabbydoctor-watch/last.json"
METRICS = "/var/lib/prometheus/node-exporter/tabbydoctor.prom"


def everything(document: dict[str, Any]) -> set[str]:
    """What a check says is wrong, or could not tell."""
    checks = document["checks"]
    found = [one for check in checks for one in check["findings"] if one["severity"] != "info"]
    untold = [check for check in checks if check["status"] in ("unknown", "crashed")]
    return {f"{one['severity']} {one['id']}" for one in found} | {
        f"{check['status']} {check['id']}" for check in untold
    }


def looked(deployment: Deployment) -> str:
    """Run the service as the timer does, and give what it said; it must not count as failed."""
    machine = deployment.machine
    before = machine.run(["journalctl", "-u", SERVICE, "-o", "cat", "--no-pager"]).stdout
    machine.systemctl("start", SERVICE)
    assert machine.property(SERVICE, "Result") == "success"
    after = machine.run(["journalctl", "-u", SERVICE, "-o", "cat", "--no-pager"]).stdout
    lines = after.removeprefix(before).splitlines()
    systemd = ("Starting ", "Finished ", f"{SERVICE}: ", "Started ")
    return "\n".join(line for line in lines if not line.startswith(systemd))


def test_it_sees_what_a_check_sees_and_says_it_once(deploy: Deploy) -> None:
    deployment = deploy(router="broken")
    deployment.start()
    deployment.wait_ready()
    machine = deployment.machine
    machine.mkdir("/var/lib/prometheus/node-exporter")
    live = deployment.doctor("check", "--format", "json").document
    units = machine.snapshot(["/etc/systemd"])

    assert deployment.doctor("install-timer", "--every", "1h").exit_code == 0
    machine.systemctl("stop", TIMER, SERVICE)  # the test runs it now
    machine.remove(RECORD)
    said = looked(deployment)
    for id in faults_in(live):
        assert f" {id}: " in said, (said, told(live))
    assert API_KEY not in said
    kept = json.loads(machine.read(RECORD))["said"]
    assert set(kept) == everything(live), "the sandbox hides nothing"
    assert looked(deployment) == "", "what did not change is not said again"
    metrics = machine.read(METRICS)
    assert "tabbydoctor_exit_code 1" in metrics
    for id in faults_in(live):
        assert f'tabbydoctor_finding{{id="{id}"' in metrics
    (written,) = machine.snapshot([METRICS]).values()
    assert written.mode & 0o777 == 0o644, "node_exporter has an account of its own"

    again = deployment.doctor("install-timer", "--every", "1h")
    assert (again.exit_code, "as it should be" in again.stdout) == (0, True)
    assert deployment.doctor("install-timer", "--every", "2h").exit_code == 0
    assert "2h" in machine.systemctl("show", TIMER, "--property=TimersMonotonic")
    assert machine.property(TIMER, "ActiveState") == "active"

    assert deployment.doctor("remove-timer").exit_code == 0
    assert machine.snapshot(["/etc/systemd"]) == units
    assert machine.property(TIMER, "LoadState") == "not-found"
    assert deployment.doctor("remove-timer").exit_code == 0, "nothing to remove is no failure"
