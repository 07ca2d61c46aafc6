"""GRP003: what a unit's sandbox leaves of the GPU."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from checks.groups.unit_hides_devices import unit_hides_devices
from tabbydoctor.api import Absent, Finding
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.unit import UnitFile
from tabbydoctor.gpu.driver import DeviceNodes
from tests.checks.gpu.machine_tree import LINUX, NEED, TreeHost, loaded, service

NODES = DeviceNodes(majors={"mem": 1, "nvidia": 195, "nvidiactl": 195, "nvidia-uvm": 234})
AUTO = {"PrivateDevices": "no", "DevicePolicy": "auto", "DeviceAllow": ""}


def _judge(
    nodes: DeviceNodes = NODES, instance: Instance | None = None, **properties: str
) -> list[Finding]:
    instance = instance or service(None, **{**AUTO, **properties})
    return list(unit_hides_devices.judge(NEED, instance, LINUX, nodes))


def test_no_sandbox() -> None:
    assert _judge() == []


def test_private_devices() -> None:
    # systemd shows the policy it implies.
    (finding,) = _judge(PrivateDevices="yes", DevicePolicy="closed")
    assert finding.title == "tabbyapi.service hides the GPU from TabbyAPI: PrivateDevices=yes"
    assert "'[Service]' PrivateDevices=no |" in finding.remedies[0].commands[1]


def test_private_devices_with_a_list_of_its_own() -> None:
    (finding,) = _judge(PrivateDevices="yes", DevicePolicy="closed", DeviceAllow="/dev/null rw")
    assert "PrivateDevices=no 'DeviceAllow=char-nvidia* rw'" in finding.remedies[0].commands[1]


@pytest.mark.parametrize("policy", ["closed", "strict"])
def test_closed_policy(policy: str) -> None:
    (finding,) = _judge(DevicePolicy=policy)
    assert f"DevicePolicy={policy}" in finding.title
    assert "'DeviceAllow=char-nvidia* rw'" in finding.remedies[0].commands[1]
    assert "PrivateDevices" not in finding.remedies[0].commands[1]


@pytest.mark.parametrize(
    "allowed",
    [
        "char-rtc r",  # what ProtectClock=yes sets
        "/dev/null rw",
        "char-nvidia rw",  # without uvm
        "/dev/nvidiactl rw\n/dev/nvidia-uvm rw",  # without a GPU
        "char-nvidia* r",
        "char-nvidia-uvm rw",
        "block-* rwm",
    ],
)
def test_a_list_that_is_not_enough(allowed: str) -> None:
    (finding,) = _judge(DeviceAllow=allowed)
    assert "DeviceAllow=" in finding.title


@pytest.mark.parametrize(
    "allowed",
    [
        "char-nvidia* rw",
        "char-nvidia rwm\nchar-nvidia-uvm rw",
        "char-* rwm",
        "char-195 rw\nchar-234 rw",
        "/dev/nvidiactl rw\n/dev/nvidia0 rw\n/dev/nvidia-uvm rw",
        "char-rtc r\n/dev/nvidia0\n/dev/nvidiactl\nchar-nvidia-uvm",
    ],
)
@pytest.mark.parametrize("policy", ["auto", "closed", "strict"])
def test_a_list_that_is_enough(policy: str, allowed: str) -> None:
    assert _judge(DevicePolicy=policy, DeviceAllow=allowed) == []


def test_names_of_an_older_driver(tmp_path: Path) -> None:
    nodes = loaded(TreeHost(tmp_path)).nodes()  # nvidia-frontend, nvidia-uvm
    allowed = "char-nvidia-frontend rw\nchar-nvidia-uvm rw"
    assert _judge(nodes, DeviceAllow=allowed) == []
    # systemd skips a name the kernel does not list.
    assert len(_judge(nodes, DeviceAllow="char-nvidia rw\nchar-nvidia-uvm rw")) == 1
    assert _judge(DeviceNodes(), DeviceAllow="char-nvidia rw\nchar-nvidia-uvm rw") == []


def test_evidence_names_the_line() -> None:
    instance = service(None, **{**AUTO, "DevicePolicy": "closed"})
    assert instance.unit is not None
    file = UnitFile("/etc/systemd/system/tabbyapi.service", "[Service]\nDevicePolicy=closed\n")
    instance = replace(instance, unit=replace(instance.unit, files=(file,)))
    (finding,) = _judge(instance=instance)
    assert finding.evidence[0].source == "/etc/systemd/system/tabbyapi.service:2"


def test_a_user_manager_enforces_no_device_policy() -> None:
    instance = service(None, **{**AUTO, "DevicePolicy": "closed"})
    assert instance.unit is not None
    unit = replace(instance.unit, user_manager=True, owner="tabby")
    assert _judge(instance=replace(instance, unit=unit)) == []


def test_without_a_unit() -> None:
    with pytest.raises(Absent):
        _judge(instance=replace(service(), unit=None))
