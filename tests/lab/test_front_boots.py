"""A front across real boots of the machine, its disk kept."""

from __future__ import annotations

import pytest

from tests.lab.deployment import API_KEY, Deploy, Deployment
from tests.lab.outcome import faults_in, told
from tests.lab.test_front import FIX, FRONT, PROGRAMS, place, running, state, status_for


def serves_its_router_alone(deployment: Deployment, url: str) -> None:
    """What a front is for, and whom it keeps out."""
    # While TabbyAPI starts, the front says 502.
    deployment.machine.wait_for(
        lambda: deployment.forward().status not in (0, 502), "TabbyAPI behind the front"
    )
    assert deployment.forward().status != 401
    assert status_for(deployment, "router", url) == 200
    assert status_for(deployment, "mallory", url) == 0


@pytest.mark.parametrize(
    ("router", "program"), [*(("node-variable", one) for one in PROGRAMS), ("stripped", "nginx")]
)
def test_it_comes_back_behind_its_fence(deploy: Deploy, router: str, program: str) -> None:
    deployment = running(deploy, router, program)
    machine = deployment.machine
    before = state(deployment)
    assert deployment.doctor(*FIX).exit_code == 0
    url = f"{place(deployment)}/v1/models"
    # Debian's own: it loads /etc/nftables.conf, which begins with `flush ruleset`.
    machine.systemctl("enable", "nftables.service")
    for orderly in (True, False):
        machine.write("/run/of-this-boot", "")
        machine.reboot(orderly=orderly)
        assert not machine.exists("/run/of-this-boot")
        serves_its_router_alone(deployment, url)
        assert machine.property("nftables.service", "ActiveState") == "active"
        assert fence_came_first(deployment)
        key = f"/run/credentials/{FRONT}/key"
        for user in ("mallory", "router"):
            assert machine.run(["cat", key], user=user, check=False).returncode != 0
    checked = deployment.doctor("check", "--format", "json")
    assert faults_in(checked.document) == set(), told(checked.document)

    machine.systemctl("disable", "nftables.service")
    assert deployment.doctor("undo").exit_code == 0
    machine.reboot()
    deployment.wait_ready()
    assert state(deployment) == before
    assert deployment.forward().status == 401


def fence_came_first(deployment: Deployment) -> bool:
    """By systemd's own times: the fence had been set when the program was started."""
    shown = deployment.machine.systemctl("show", "--property=ExecStartPre", FRONT)
    assert "status=0" in shown, shown
    machine = deployment.machine
    entered = int(machine.property(FRONT, "ExecMainStartTimestampMonotonic"))
    loaded = int(machine.property("nftables.service", "ExecMainExitTimestampMonotonic"))
    return loaded < entered


def test_before_it_is_up_nobody_has_the_key(deploy: Deploy) -> None:
    """Its program does not start at this boot: TabbyAPI is there, and asks for a key."""
    deployment = running(deploy, "node-variable")
    machine = deployment.machine
    assert deployment.doctor(*FIX).exit_code == 0
    url = f"{place(deployment)}/v1/models"
    machine.run(["mv", "/usr/sbin/nginx", "/usr/sbin/nginx.gone"])
    machine.reboot(orderly=False)
    tabby = "http://127.0.0.1:5000/v1/models"
    machine.wait_for(lambda: status_for(deployment, "mallory", tabby) == 401, "TabbyAPI")
    for user in ("mallory", "router", "root"):
        assert status_for(deployment, user, url) == 0
        assert status_for(deployment, user, tabby) == 401
    assert API_KEY not in deployment.forward().body
    machine.run(["mv", "/usr/sbin/nginx.gone", "/usr/sbin/nginx"])
    machine.wait_for(lambda: status_for(deployment, "router", url) == 200, "the front")
    serves_its_router_alone(deployment, url)


@pytest.mark.parametrize("program", PROGRAMS)
def test_its_program_is_upgraded(deploy: Deploy, program: str) -> None:
    """As dpkg does it: another file in the place of what runs."""
    deployment = running(deploy, "node-variable", program)
    machine = deployment.machine
    before = state(deployment)
    assert deployment.doctor(*FIX).exit_code == 0
    url, path = f"{place(deployment)}/v1/models", PROGRAMS[program]
    machine.run(["cp", "-a", path, f"{path}.dpkg-new"])
    machine.run(["mv", f"{path}.dpkg-new", path])
    serves_its_router_alone(deployment, url)
    checked = deployment.doctor("check", "--format", "json")
    assert faults_in(checked.document) == set(), told(checked.document)
    machine.systemctl("restart", FRONT)
    serves_its_router_alone(deployment, url)
    assert deployment.doctor("undo").exit_code == 0
    assert state(deployment) == before
