"""GRP001 and GRP002: decided from real nodes, their mode, group and ACL."""

from __future__ import annotations

import os
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from checks.groups.device_denied import device_denied
from checks.groups.group_not_effective import group_not_effective
from tabbydoctor.api import Absent, Finding, Severity, Unknown
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.gpu.service_groups import service_groups
from tabbydoctor.host.data import Account, Group, Process
from tests.checks.gpu.machine_tree import LINUX, NEED, TreeHost, loaded, service, usual_nodes

GPU_GROUP = Group("accel", 4400)


def _host(tmp_path: Path, mode: int = 0o660, gid: int = GPU_GROUP.gid) -> TreeHost:
    host = usual_nodes(loaded(TreeHost(tmp_path)), mode, gid)
    host.known_groups = (Group("root", 0), Group("tabby", 5001), GPU_GROUP)
    return host


def _denied(
    host: TreeHost, instance: Instance | None = None, machine: Machine = LINUX
) -> list[Finding]:
    instance = instance or service()
    groups = service_groups(host, instance)
    return list(device_denied.judge(NEED, instance, machine, host.nodes(), groups))


def test_open_nodes_need_no_group(tmp_path: Path) -> None:
    assert _denied(_host(tmp_path, 0o666, 0)) == []


def test_denied_by_mode(tmp_path: Path) -> None:
    (finding,) = _denied(_host(tmp_path))
    assert finding.title == "tabby cannot open /dev/nvidiactl and 2 more"
    assert finding.severity is None
    assert [evidence.source for evidence in finding.evidence] == [
        "/dev/nvidiactl",
        "/dev/nvidia-uvm",
        "/dev/nvidia0",
    ]
    assert finding.evidence[0].actual == "mode 0660, owner 0, group accel"
    assert finding.remedies[0].commands == (
        "sudo mkdir -p /etc/systemd/system/tabbyapi.service.d",
        "printf '%s\\n' '[Service]' SupplementaryGroups=accel | sudo tee -a "
        "/etc/systemd/system/tabbyapi.service.d/zz-tabbydoctor-gpu-groups.conf",
        "sudo systemctl daemon-reload",
        "sudo systemctl restart tabbyapi.service",
    )


@pytest.mark.parametrize("properties", [{"SupplementaryGroups": "accel"}, {"Group": "4400"}])
def test_the_unit_gives_the_group(tmp_path: Path, properties: dict[str, str]) -> None:
    assert _denied(_host(tmp_path), service(None, **properties)) == []


def test_the_account_has_the_group(tmp_path: Path) -> None:
    account = Account("tabby", 5001, 5001, groups=(5001, 4400))
    assert _denied(_host(tmp_path), replace(service(), user=account)) == []


def test_root_is_never_denied_by_mode(tmp_path: Path) -> None:
    root = replace(service(None, User=""), user=Account("root", 0, 0, groups=(0,)))
    assert _denied(_host(tmp_path), root) == []


def test_dynamic_user(tmp_path: Path) -> None:
    dynamic = replace(service(None, DynamicUser="yes"), user=None)
    assert len(_denied(_host(tmp_path), dynamic)) == 1
    joined = replace(service(None, DynamicUser="yes", SupplementaryGroups="accel"), user=None)
    assert _denied(_host_again(tmp_path), joined) == []


def test_acl_lets_the_user_in(tmp_path: Path) -> None:
    host = _host(tmp_path)
    # user::rw- user:5001:rw- group::rw- mask::rw- other::---, as setfacl -m u:5001:rw writes it.
    entries = ((1, 6, 0xFFFFFFFF), (2, 6, 5001), (4, 6, 0xFFFFFFFF), (16, 6, 0xFFFFFFFF))
    acl = struct.pack("<I", 2)
    acl += b"".join(struct.pack("<HHI", *entry) for entry in (*entries, (32, 0, 0xFFFFFFFF)))
    for name in ("nvidiactl", "nvidia0", "nvidia-uvm"):
        try:
            os.setxattr(tmp_path / "dev" / name, "system.posix_acl_access", acl)
        except OSError:
            pytest.skip("this file system has no ACLs")
    assert _denied(host) == []


def test_a_node_no_group_may_open(tmp_path: Path) -> None:
    """root:root 0660: joining root's group would be worse than the fault."""
    (finding,) = _denied(_host(tmp_path, 0o660, 0))
    assert "NVreg_DeviceFileGID" in finding.remedies[0].commands[-1]
    assert "SupplementaryGroups" not in str(finding)


def test_one_of_two_gpus_is_denied(tmp_path: Path) -> None:
    host = _host(tmp_path, 0o666, 0)
    host.node("/dev/nvidia1", 195, 1, 0o660, GPU_GROUP.gid)
    (finding,) = _denied(host)
    assert finding.severity is Severity.WARNING
    assert _denied(host, service({"CUDA_VISIBLE_DEVICES": "0"})) == []
    (finding,) = _denied(host, service({"CUDA_VISIBLE_DEVICES": "1"}))
    assert finding.severity is None


def test_nixos_gets_the_lasting_line(tmp_path: Path) -> None:
    (finding,) = _denied(_host(tmp_path), machine=replace(LINUX, nixos=True))
    line = 'users.users.tabby.extraGroups = [ "accel" ];'
    assert finding.remedies[0].nix == (line,)


def test_a_process_without_a_unit(tmp_path: Path) -> None:
    (finding,) = _denied(_host(tmp_path), replace(service(), unit=None))
    assert finding.remedies[0].commands == ("sudo usermod -aG accel tabby",)


def test_without_nodes_nothing_is_denied(tmp_path: Path) -> None:
    with pytest.raises(Absent):
        _denied(loaded(TreeHost(tmp_path)))


def test_a_container_cannot_be_judged_from_outside(tmp_path: Path) -> None:
    with pytest.raises(Unknown, match="docker 1a2b"):
        _denied(_host(tmp_path), replace(service(), container="docker 1a2b"))


# GRP002 group-not-effective
MEMBER = Account("tabby", 5001, 5001, groups=(5001, 4400))


def _running(groups: tuple[int, ...] | None) -> Instance:
    return replace(service(), user=MEMBER, process=Process(42, (), uid=5001, groups=groups))


def _not_effective(host: TreeHost, instance: Instance) -> list[Finding]:
    groups = service_groups(host, instance)
    return list(group_not_effective.judge(NEED, instance, LINUX, host.nodes(), groups))


def test_started_before_it_had_the_group(tmp_path: Path) -> None:
    (finding,) = _not_effective(_host(tmp_path), _running((5001,)))
    assert finding.title == "The running TabbyAPI lacks the group accel, which tabby has"
    assert finding.remedies[0].commands == ("sudo systemctl restart tabbyapi.service",)
    assert _denied(_host_again(tmp_path), _running((5001,))) == []


def _host_again(tmp_path: Path) -> TreeHost:
    host = TreeHost(tmp_path)
    host.known_groups = (GPU_GROUP,)
    return host


def test_the_process_has_the_group(tmp_path: Path) -> None:
    assert _not_effective(_host(tmp_path), _running((5001, 4400))) == []


def test_the_group_makes_no_difference(tmp_path: Path) -> None:
    assert _not_effective(_host(tmp_path, 0o666, 0), _running((5001,))) == []


def test_neither_has_the_group(tmp_path: Path) -> None:
    """That is GRP001's to tell: a restart would not help."""
    instance = replace(_running((5001,)), user=Account("tabby", 5001, 5001, groups=(5001,)))
    assert _not_effective(_host(tmp_path), instance) == []


def test_not_running_or_hidden(tmp_path: Path) -> None:
    host = _host(tmp_path)
    with pytest.raises(Absent):
        _not_effective(host, service())
    with pytest.raises(Unknown):
        _not_effective(host, _running(None))


def test_an_unknown_account_of_the_unit_is_made_or_corrected(tmp_path: Path) -> None:
    unit = Unit("tabbyapi.service", {"LoadState": "loaded", "User": "tabby-nobody"})
    with pytest.raises(Unknown, match=r"tabby-nobody, of User= in tabbyapi\.service") as raised:
        service_groups(TreeHost(tmp_path), Instance("/srv/tabby", unit=unit))
    assert "--user" not in str(raised.value)
    with pytest.raises(Unknown, match="--user"):
        service_groups(TreeHost(tmp_path), Instance("/srv/tabby"))
