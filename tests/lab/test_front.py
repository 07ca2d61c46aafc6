"""`fix --auth --strategy front`, inside: routers in any language, repaired and taken back."""

from __future__ import annotations

import pytest

from tests.lab.deployment import API_KEY, Deploy, Deployment
from tests.lab.fronted import MOVES, ROUTERS, lay_out
from tests.lab.outcome import faults_in, told

FRONT = "tabbydoctor-front.service"
FIX = ("fix", "--auth", "--strategy", "front", "--yes", "--format", "json")
WATCHED = ("/opt/llm-router", "/etc/systemd", "/etc/tabbydoctor", "/etc/llm-router.env", "/home")
PROGRAMS = {"nginx": "/usr/sbin/nginx", "haproxy": "/usr/sbin/haproxy", "caddy": "/usr/bin/caddy"}


def running(
    deploy: Deploy, router: str, program: str = "nginx", *, fenced: bool = True
) -> Deployment:
    """The deployment with that router; of the programs only that one is installed."""
    deployment = deploy()
    lay_out(deployment, router)
    others = [path for name, path in PROGRAMS.items() if name != program]
    deployment.machine.remove(*others, *([] if fenced else ["/usr/sbin/nft"]))
    deployment.start()
    deployment.wait_ready()
    return deployment


def state(deployment: Deployment) -> tuple[dict[str, object], str, str, str]:
    """Files, rules of nft, units that fail, and what is known of the front's unit."""
    machine = deployment.machine
    files = machine.snapshot([path for path in WATCHED if machine.exists(path)])
    kept = {
        str(path): one
        for path, one in files.items()
        if "__pycache__" not in str(path) and "/logs/" not in str(path)
    }
    rules = machine.run(["nft", "list", "ruleset"], check=False).stdout
    failed = machine.systemctl("--failed", "--plain", "--no-legend")
    return kept, rules, failed, machine.property(FRONT, "LoadState")


def place(deployment: Deployment) -> str:
    """Where the front listens."""
    import json

    design = json.loads(deployment.machine.read("/etc/tabbydoctor/front/front.json"))
    return f"http://127.0.0.1:{design['port']}"


def status_for(deployment: Deployment, user: str, url: str) -> int:
    """What another account gets there; 0 for no answer."""
    argv = ["curl", "--silent", "--max-time", "5", "--output", "/dev/null"]
    done = deployment.machine.run(
        [*argv, "--write-out", "%{http_code}", url], user=user, check=False
    )
    return int(done.stdout)


@pytest.mark.parametrize("router", ROUTERS)
def test_each_router_is_repaired_and_taken_back(deploy: Deploy, router: str) -> None:
    deployment = running(deploy, router)
    assert deployment.forward().status == 401
    before = state(deployment)
    fixed = deployment.doctor(*FIX)
    assert fixed.exit_code == 0, fixed.stdout + fixed.stderr
    assert (fixed.document["applied"], fixed.document["verified"]) == (True, True)
    assert API_KEY not in fixed.stdout + fixed.stderr
    assert deployment.forward().status not in (0, 401, 502)
    moved = any(change["target"] == "tabbyapi.service" for change in fixed.document["changes"])
    assert moved == (router in MOVES)

    again = deployment.doctor(*FIX)
    assert (again.exit_code, again.document["changes"]) == (0, []), again.stdout
    checked = deployment.doctor("check", "--format", "json")
    assert faults_in(checked.document) == set(), told(checked.document)

    undone = deployment.doctor("undo")
    assert undone.exit_code == 0, undone.stdout + undone.stderr
    assert state(deployment) == before
    deployment.wait_ready()
    assert deployment.forward().status == 401
