"""SELinux and a container: its nodes and its mounts, by their labels (CTR017, CTR018)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tabbydoctor.host.data import Process

from .gpu_scene import GpuScene
from .scene import CONFIG, IVAN, MODEL, refusing, serving, told

pytestmark = pytest.mark.root(reason="labels of SELinux are set by root alone")

PID = 161
ROOT = f"/proc/{PID}/root"
ID = "4e" * 32
CONTAINER = "system_u:system_r:container_t:s0:c1,c2"
NODE = "system_u:object_r:xserver_misc_device_t:s0"
MINE = "system_u:object_r:container_file_t:s0:c1,c2"
HOME = "unconfined_u:object_r:user_home_t:s0"


@pytest.fixture
def scene(tmp_path: Path) -> GpuScene:
    """A container of Podman under an enforcing SELinux, its nodes those of the machine."""
    scene = GpuScene(tmp_path)
    scene.state = {"LoadState": "not-found", "ActiveState": "inactive"}
    scene.endpoint = refusing()
    scope = f"/machine.slice/libpod-{ID}.scope/container"
    scene.processes = (Process(PID, ("python3", "main.py"), uid=0, cwd="/app", cgroup=scope),)
    config = f"{CONFIG.replace('127.0.0.1', '0.0.0.0')}{MODEL}"
    files = {"common/config_models.py": "", "main.py": "", "config.yml": config}
    for name, text in files.items():
        scene.write(f"{ROOT}/app/{name}", text)
    model = f"{ROOT}/app/models/tiny-exl3"
    scene.write(f"{model}/config.json", '{"architectures": ["LlamaForCausalLM"]}')
    scene.write(f"/proc/{PID}/mountinfo", "590 574 0:40 / / rw - overlay overlay rw\n")
    scene.write("/proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
    scene.write("/sys/fs/selinux/enforce", "1")
    scene.write("/sys/fs/selinux/booleans/container_use_devices", "0 0")
    scene.write(f"/proc/{PID}/attr/current", f"{CONTAINER}\0")
    node(scene, NODE)
    return scene


def node(scene: GpuScene, text: str) -> None:
    """The container's node, with a label."""
    path = scene.root / f"{ROOT}/dev/nvidia0"[1:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mknod(path, 0o020666, os.makedev(195, 0))
    label(scene, f"{ROOT}/dev/nvidia0", text)


def label(scene: GpuScene, path: str, text: str) -> None:
    os.setxattr(scene.root / path[1:], "security.selinux", f"{text}\0".encode())


def fails(scene: GpuScene, line: str = "RuntimeError: No CUDA GPUs are available") -> None:
    scene.write(f"{ROOT}/app/logs/run.log", f"{line}\n")


def statuses(scene: GpuScene) -> dict[str, str]:
    return {result.check.id: result.status for result in scene.examine().results}


@pytest.mark.parametrize(
    "line", ["RuntimeError: No CUDA GPUs are available", "NVML: Insufficient Permissions"]
)
def test_nodes_of_the_machine_are_closed(scene: GpuScene, line: str) -> None:
    fails(scene, line)
    said = scene.examine()
    finding = said.finding("CTR017")
    assert "CTR017" in said.ids
    assert "GPU001" not in said.ids
    assert finding.remedies[0].commands[0] == "sudo setsebool -P container_use_devices 1"
    assert finding.remedies[0].commands[1].startswith("sudo podman restart ")
    assert "SecurityLabelDisable=true" in told(finding)
    assert statuses(scene)["CTR017"] == "failed"


def test_the_narrower_boolean_is_named_where_the_policy_has_it(scene: GpuScene) -> None:
    scene.write("/sys/fs/selinux/booleans/container_use_xserver_devices", "0 0")
    fails(scene)
    (first, *_) = scene.examine().finding("CTR017").remedies
    assert first.commands[0] == "sudo setsebool -P container_use_xserver_devices 1"


def test_without_a_line_of_the_log_it_is_a_warning(scene: GpuScene) -> None:
    assert statuses(scene)["CTR017"] == "warning"


@pytest.mark.parametrize(
    ("file", "text", "status"),
    [
        ("/sys/fs/selinux/enforce", "0", "skipped"),
        ("/sys/fs/selinux/booleans/container_use_devices", "1 1", "passed"),
        ("/sys/fs/selinux/booleans/container_use_xserver_devices", "1 1", "passed"),
        (f"/proc/{PID}/attr/current", "system_u:system_r:spc_t:s0", "skipped"),
        (f"/proc/{PID}/attr/current", "nonsense", "skipped"),
        (f"/proc/{PID}/attr/current", "", "unknown"),
    ],
)
def test_where_they_are_open(scene: GpuScene, file: str, text: str, status: str) -> None:
    fails(scene)
    scene.write(file, text)
    assert statuses(scene)["CTR017"] == status


def test_nodes_that_the_engine_labelled(scene: GpuScene) -> None:
    node(scene, MINE)
    fails(scene)
    assert statuses(scene)["CTR017"] == "passed"


def test_nodes_of_another_policy_are_not_judged(scene: GpuScene) -> None:
    node(scene, "system_u:object_r:own_device_t:s0")
    assert statuses(scene)["CTR017"] == "unknown"


def test_one_that_uses_its_gpu(scene: GpuScene) -> None:
    scene.endpoint = serving()
    fails(scene, "")
    assert statuses(scene)["CTR017"] == "passed"


def test_a_file_that_is_called_like_a_node_is_none(scene: GpuScene) -> None:
    """Root of a container lays links: what they lead to on the machine is not told."""
    (scene.root / f"{ROOT}/dev/nvidia0"[1:]).unlink()
    scene.write("/etc/secret", "")
    label(scene, "/etc/secret", NODE)
    (scene.root / f"{ROOT}/dev/nvidia0"[1:]).symlink_to("/etc/secret")
    scene.write(f"{ROOT}/dev/nvidia1", "")
    label(scene, f"{ROOT}/dev/nvidia1", NODE)
    assert statuses(scene)["CTR017"] == "passed"


def mounted(scene: GpuScene, outside: str, text: str, inside: str = "/app/config.yml") -> None:
    """config.yml is a file of the machine: a hard link stands for the bind mount."""
    rows = [
        "590 574 0:40 / / rw - overlay overlay rw",
        f"600 590 8:1 {outside} {inside} rw - ext4 /dev/sda1 rw",
    ]
    scene.write(f"/proc/{PID}/mountinfo", "\n".join(rows))
    here, there = scene.root / f"{ROOT}{inside}"[1:], scene.root / outside[1:]
    there.parent.mkdir(parents=True, exist_ok=True)
    if here.is_dir():
        there.mkdir(exist_ok=True)
    else:
        os.link(here, there)
    label(scene, f"{ROOT}{inside}", text)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (HOME, "warning"),
        ("system_u:object_r:default_t:s0", "warning"),
        ("system_u:object_r:container_file_t:s0:c7,c8", "warning"),
        ("system_u:object_r:container_file_t:s0:c1.c3", "warning"),
        (MINE, "passed"),
        ("system_u:object_r:container_file_t:s0", "passed"),
        ("system_u:object_r:container_file_t:s0:c1", "passed"),
        ("system_u:object_r:container_file_t:s0:c999999999999", "passed"),
        ("system_u:object_r:own_policy_t:s0", "passed"),
        ("container_file_t", "passed"),
    ],
)
def test_a_mounted_file(scene: GpuScene, text: str, status: str) -> None:
    mounted(scene, "/srv/tabby/config.yml", text)
    assert statuses(scene)["CTR018"] == status


def test_its_remedy(scene: GpuScene) -> None:
    mounted(scene, "/srv/tabby/config.yml", HOME)
    fails(scene, "PermissionError: [Errno 13] Permission denied: 'config.yml'")
    finding = scene.examine().finding("CTR018")
    assert statuses(scene)["CTR018"] == "failed"
    assert finding.remedies[0].commands == (
        "sudo chcon -R -t container_file_t -l s0 /srv/tabby/config.yml",
        "sudo podman restart 4e4e4e4e4e4e",
    )
    assert ":z" in finding.remedies[1].title


def test_directories_too(scene: GpuScene) -> None:
    mounted(scene, "/srv/models", HOME, "/app/models")
    assert "/srv/models" in told(scene.examine().finding("CTR018"))


def test_one_that_tabbyapi_does_not_look_at(scene: GpuScene) -> None:
    scene.write(f"{ROOT}/notes/x", "")
    mounted(scene, "/srv/notes", HOME, "/notes")
    assert statuses(scene)["CTR018"] == "passed"


@pytest.mark.parametrize("outside", ["/home/ivan", "/etc/models", "/srv", "/usr/share/models"])
def test_what_the_machine_needs_is_not_relabelled(scene: GpuScene, outside: str) -> None:
    mounted(scene, outside, HOME, "/app/models")
    finding = scene.examine().finding("CTR018")
    assert "chcon" not in told(finding)
    assert "label=disable" in told(finding)


def test_the_way_of_an_account_is_not_walked_by_root(scene: GpuScene) -> None:
    mounted(scene, "/srv/ivan/models", HOME, "/app/models")
    os.chown(scene.root / "srv/ivan", IVAN.uid, IVAN.gid)
    (first, *_) = scene.examine().finding("CTR018").remedies
    assert first.commands[0].startswith("sudo -u ivan chcon ")
