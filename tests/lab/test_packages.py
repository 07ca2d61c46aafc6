"""A router that is a package: its entry file holds no call, two other modules do."""

from __future__ import annotations

import pytest

from tests.lab.deployment import API_KEY, Deploy, Deployment
from tests.lab.test_fix import leaked, watched
from tests.routers.programs import PROGRAMS, SCRIPT

PROJECT = "/opt/llm-router/crossroads"
VENV = "/opt/llm-router/venv"
CALLING = ("health", "forward")
WAYS = {
    "module": f"{VENV}/bin/python -m crossroads",
    "console script": f"{VENV}/bin/crossroads",
}


def running(deploy: Deploy, way: str) -> Deployment:
    """The router as a package, started by `python -m` or by a script of its environment."""
    deployment: Deployment = deploy(router="broken")
    machine = deployment.machine
    source = PROGRAMS / "crossroads"
    for path in source.rglob("*.txt"):
        machine.write(f"{PROJECT}/{path.relative_to(source).with_suffix('')}", path.read_text())
    machine.remove(deployment.router)
    (own,) = machine.run(["sh", "-c", f"ls -d {VENV}/lib/*/site-packages"]).stdout.split()
    machine.write(f"{own}/__editable__.crossroads-1.pth", f"{PROJECT}/src\n")
    script = SCRIPT.format(VENV, "crossroads.__main__", "main")
    machine.write(f"{VENV}/bin/crossroads", script, mode=0o755)
    directory = f"{PROJECT}/src" if way == "module" else "/"
    settings = f"[Service]\nWorkingDirectory={directory}\nExecStart=\nExecStart={WAYS[way]}\n"
    machine.dropin("llm-router.service", settings)
    deployment.start()
    deployment.wait_ready()
    return deployment


@pytest.mark.parametrize("way", WAYS)
def test_every_module_that_calls_is_repaired_and_taken_back(deploy: Deploy, way: str) -> None:
    deployment = running(deploy, way)
    assert deployment.forward().status == 401
    before = watched(deployment)
    fixed = deployment.doctor("fix", "--auth", "--yes", "--format", "json")
    assert fixed.exit_code == 0, fixed.stdout + fixed.stderr
    assert fixed.document["verified"] is True
    assert API_KEY not in fixed.stdout + fixed.stderr
    deployment.wait_ready()
    deployment.machine.wait_for(lambda: deployment.router_health()["tabbyapi"], "ready", 20)
    assert deployment.forward().status != 401
    deployment.forward("sglang")
    assert leaked(deployment) == []
    changed = {path for path, state in watched(deployment).items() if before.get(path) != state}
    calls = f"{PROJECT}/src/crossroads/calls"
    assert {path for path in changed if path.endswith(".py")} == {
        f"{calls}/{name}.py" for name in CALLING
    }
    again = deployment.doctor("fix", "--auth", "--yes", "--format", "json")
    assert again.exit_code == 0, again.stdout + again.stderr
    assert again.document["applied"] is False
    undone = deployment.doctor("undo")
    assert undone.exit_code == 0, undone.stdout + undone.stderr
    assert watched(deployment) == before
