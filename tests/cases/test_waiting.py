"""Cases of other orders: each fails until its own is done, and says which that is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.host.data import Process

from .scene import CONFIG, MODEL, TABBY, UNIT, Scene, failed, refusing, serving, told

DOCKER = f"/system.slice/docker-{'4e' * 32}.scope"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 4912345678\n"
containers = pytest.mark.xfail(strict=True, reason="containers")
weights = pytest.mark.xfail(strict=True, reason="weights")


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


def refused_model(scene: Scene, line: str, **files: str) -> None:
    """TabbyAPI has ended as it loaded its model."""
    scene.model(**files)
    scene.write(f"{TABBY}/config.yml", f"{CONFIG}{MODEL}")
    scene.state, scene.endpoint = failed(1), refusing()
    scene.log = (line, f"{UNIT}: Main process exited, code=exited, status=1/FAILURE")


@weights
def test_weights_that_are_pointers(scene: Scene) -> None:
    line = "safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge"
    refused_model(scene, line, **{"model.safetensors": POINTER})
    said = scene.examine()
    assert said.ids == ["CFG010"]
    assert "git-lfs pointer" in told(said.finding("CFG010"))


@weights
def test_weights_of_another_format_beside_config_json(scene: Scene) -> None:
    line = "FileNotFoundError: no .safetensors files found in models/tiny-exl3"
    refused_model(scene, line, **{"model.Q4_K_M.gguf": "GGUF"})
    said = scene.examine()
    assert said.ids == ["CFG010"]
    assert "GGUF" in said.finding("CFG010").title


@weights
def test_an_architecture_is_known_by_the_installed_package(scene: Scene) -> None:
    line = f"AssertionError: Unknown architecture Zephyr9ForCausalLM in {TABBY}/models/tiny-exl3"
    config = '{"architectures": ["Zephyr9ForCausalLM"], "quantization_config": {}}'
    refused_model(scene, line, **{"config.json": config})
    packages = f"{TABBY}/venv/lib/python3.12/site-packages"
    scene.write(f"{packages}/exllamav3/architecture/llama.py", 'arch_string = "LlamaForCausalLM"\n')
    scene.write(f"{packages}/exllamav3-1.4.1.dist-info/METADATA", "Name: exllamav3\n")
    said = scene.examine()
    assert said.ids[0] in ("CFG010", "GPU009")
