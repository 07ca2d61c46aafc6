"""The device rules of a container's control group (CTR019)."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import test_container_gpu as made
from .gpu_scene import GpuScene
from .scene import refusing, serving, told

GROUP = f"/docker/{made.ID}"
LIST = f"/sys/fs/cgroup/devices{GROUP}/devices.list"
USUAL = "c 1:3 rwm\nc 5:1 rwm\nb *:* m\nc *:* m\n"
BOTH = "c 195:* rw\nc 234:* rwm\n"


@pytest.fixture
def scene(tmp_path: Path) -> GpuScene:
    """A container under cgroup v1 whose TabbyAPI does not answer."""
    scene = GpuScene(tmp_path)
    scene.state = {"LoadState": "not-found", "ActiveState": "inactive"}
    scene.endpoint = refusing()
    made.contained(scene, "docker")
    for name in made.NODES:
        scene.write(f"{made.ROOT}/dev/{name}", "")
    scene.write(f"/proc/{made.PID}/cgroup", f"12:memory:/x\n5:devices:{GROUP}\n0::/x\n")
    return scene


def status(scene: GpuScene) -> str:
    return {one.check.id: one.status for one in scene.examine().results}["CTR019"]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (USUAL, "failed"),
        (f"{USUAL}c 195:* rw\n", "failed"),
        (f"{USUAL}c 234:0 rw\n", "failed"),
        (f"{USUAL}c 195:* m\nc 234:* m\n", "failed"),
        (f"{USUAL}b 195:* rw\nb 234:* rw\n", "failed"),
        (USUAL + BOTH, "passed"),
        (f"{USUAL}c 195:0 rw\nc 195:255 rw\nc 234:0 rw\n", "passed"),
        ("a *:* rwm\n", "passed"),
        ("", "unknown"),
        ("c 999999999999:1 rw\nnonsense\n", "unknown"),
    ],
)
def test_what_the_rules_say(scene: GpuScene, rules: str, expected: str) -> None:
    scene.write(LIST, rules)
    assert status(scene) == expected


def test_its_remedy(scene: GpuScene) -> None:
    scene.write(LIST, USUAL)
    scene.write(f"{made.ROOT}/app/logs/run.log", "RuntimeError: No CUDA GPUs are available\n")
    said = scene.examine()
    finding = said.finding("CTR019")
    assert finding.remedies[0].commands == ("sudo docker restart 4e4e4e4e4e4e",)
    assert "native.cgroupdriver=cgroupfs" in told(finding)
    assert "GPU001" not in said.ids
    assert said.finding("GPU001").remedies[0].commands == finding.remedies[0].commands


def test_one_that_has_the_gpu_open_still(scene: GpuScene) -> None:
    scene.write(LIST, USUAL)
    scene.endpoint = serving()
    assert status(scene) == "warning"


@pytest.mark.parametrize(
    ("groups", "expected"),
    [("0::/x\n", "skipped"), ("5:devices:/../../etc\n", "unknown"), ("5:devices:/y\n", "unknown")],
)
def test_rules_that_cannot_be_seen(scene: GpuScene, groups: str, expected: str) -> None:
    scene.write(LIST, USUAL)
    scene.write(f"/proc/{made.PID}/cgroup", groups)
    assert status(scene) == expected


@pytest.mark.parametrize(
    ("group", "rules", "expected"),
    [
        (GROUP, USUAL, "skipped"),
        ("/", USUAL, "skipped"),  # what its group inherited
        ("/", "a *:* rwm\n", "failed"),
        ("/gone", None, "failed"),
    ],
)
def test_the_rules_of_the_machine_are_no_container_s_own(
    scene: GpuScene, group: str, rules: str | None, expected: str
) -> None:
    """A machine that is in a container itself has few devices for all that it runs."""
    scene.write(LIST, USUAL)
    scene.write("/proc/1/cgroup", f"5:devices:{group}\n0::/init.scope\n")
    if rules:
        scene.write(f"/sys/fs/cgroup/devices{group.rstrip('/')}/devices.list", rules)
    assert status(scene) == expected
