"""A container and its GPU, seen from outside: it lost it, it was never given one, it has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.host.data import Process

from .gpu_scene import GpuScene
from .scene import CONFIG, MODEL, refusing, serving, told

PID = 161
ROOT = f"/proc/{PID}/root"
ID = "4e" * 32
NODES = ("nvidia0", "nvidiactl", "nvidia-uvm")


@pytest.fixture
def scene(tmp_path: Path) -> GpuScene:
    """A container with its nodes, whose TabbyAPI answers."""
    scene = GpuScene(tmp_path)
    scene.state = {"LoadState": "not-found", "ActiveState": "inactive"}
    scene.endpoint = serving()
    contained(scene, "docker")
    for name in NODES:
        scene.write(f"{ROOT}/dev/{name}", "")
    return scene


def contained(scene: GpuScene, engine: str) -> None:
    scope = f"{'libpod' if engine == 'podman' else engine}-{ID}.scope"
    scene.processes = (
        Process(PID, ("python3", "main.py"), uid=0, cwd="/app", cgroup=f"/machine.slice/{scope}"),
    )
    config = f"{CONFIG.replace('127.0.0.1', '0.0.0.0')}{MODEL}"
    files = {"common/config_models.py": "", "main.py": "", "config.yml": config}
    for name, text in files.items():
        scene.write(f"{ROOT}/app/{name}", text)
    model = f"{ROOT}/app/models/tiny-exl3"
    scene.write(f"{model}/config.json", '{"architectures": ["LlamaForCausalLM"]}')
    scene.write(f"/proc/{PID}/mountinfo", "590 574 0:40 / / rw - overlay overlay rw\n")
    scene.write("/proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n")


@pytest.mark.parametrize("engine", ["docker", "podman"])
@pytest.mark.parametrize(
    "line",
    [
        "RuntimeError: No CUDA GPUs are available",
        "RuntimeError: Found no NVIDIA driver on your system.",
    ],
)
def test_one_that_lost_its_gpu(scene: GpuScene, engine: str, line: str) -> None:
    contained(scene, engine)
    scene.write(f"{ROOT}/app/logs/run.log", f"{line}\n")
    scene.endpoint = refusing()
    said = scene.examine()
    assert said.ids[0] == "GPU001"
    assert f"{engine} compose up -d --force-recreate" in told(said.finding("GPU001"))


def test_one_that_was_made_without(scene: GpuScene) -> None:
    for name in NODES:
        (scene.root / f"{ROOT}/dev/{name}"[1:]).unlink()
    scene.endpoint = refusing()
    said = scene.examine()
    assert "CTR005" in said.ids
    assert "gpus: all" in told(said.finding("CTR005"))


def test_one_that_has_it(scene: GpuScene) -> None:
    said = scene.examine()
    assert not {"GPU001", "CTR005"} & set(said.ids)
    assert said.findings("GRP001") == ()
