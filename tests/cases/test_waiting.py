"""Cases of other orders: each fails until its own is done, and says which that is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.host.data import Process

from .scene import CONFIG, Scene, refusing, serving, told

DOCKER = f"/system.slice/docker-{'4e' * 32}.scope"
containers = pytest.mark.xfail(strict=True, reason="containers")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.endpoint = serving()
    return scene


def in_container(scene: Scene, pid: int = 161) -> None:
    """No unit: the server is a process in a container, whose files are below /proc/PID/root."""
    scene.state = {"LoadState": "not-found", "ActiveState": "inactive"}
    scene.processes = (
        Process(pid, ("python3", "main.py"), uid=0, cwd="/app", cgroup=DOCKER, parent=1),
    )
    for name in ("common/config_models.py", "main.py", "config.yml"):
        scene.write(f"/proc/{pid}/root/app/{name}", CONFIG if name == "config.yml" else "")
    scene.endpoint = refusing()


@containers
def test_a_server_on_the_loopback_of_its_container(scene: Scene) -> None:
    in_container(scene)
    finding = scene.examine().finding("API011")
    assert "network.host" in finding.remedies[0].title
    assert any("docker restart 4e4e4e4e4e4e" in each for each in finding.remedies[0].commands)


@containers
def test_the_files_of_a_container_are_those_inside(scene: Scene) -> None:
    in_container(scene)
    scene.write("/app/api_tokens.yml", "api_key: of-another\nadmin_key: of-another-too\n", 0o644)
    said = scene.examine()
    judged = {result.check.id: result.status for result in said.results}
    assert judged["CFG002"] == "passed"


@containers
def test_a_container_that_lost_its_gpu(scene: Scene) -> None:
    in_container(scene)
    scene.skip = ""
    scene.write("/proc/161/root/app/logs/run.log", "RuntimeError: No CUDA GPUs are available\n")
    said = scene.examine()
    assert said.ids[0] == "GPU001"
    assert "--force-recreate" in told(said.finding("GPU001"))
