"""GRP001 and GRP002 on a real systemd: every combination is judged as the kernel does, and the
printed drop-in, pasted as it stands, opens the nodes.

What is true is said by the unit itself: after its start it opens the node, as its own account with
its own groups. There is no driver behind the node: who may open it gets ENXIO, others EACCES.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import pytest

from tests.lab.deployment import Deploy, Deployment, DoctorRun
from tests.lab.gpu import give_work

UNIT = "tabbyapi.service"
OPENS = """\
[Service]
ExecStartPost=-/bin/sh -c 'exec 3<>/dev/nvidiactl'
"""
GROUPS = {
    "plain": "",
    "supplementary": "SupplementaryGroups=video",
    "group": "Group=video",
    "another group": "Group=render",
}
NODES = {"for all": ("root", "666"), "for video": ("video", "660"), "for its own": ("", "660")}


@dataclass(frozen=True)
class Combination:
    """One of them."""

    nodes: str
    member: bool
    unit: str


@pytest.fixture
def serving(deploy: Deploy) -> Deployment:
    d = deploy()
    give_work(d)
    d.machine.run(["groupadd", "--force", "render"])
    d.machine.dropin(UNIT, OPENS, name="opens")
    d.machine.run(["systemctl", "daemon-reload"])
    d.start()
    d.wait_ready()
    return d


def arrange(d: Deployment, one: Combination) -> None:
    """Nodes, account and unit are so; TabbyAPI is started anew."""
    group, mode = NODES[one.nodes]
    spell = f"chown root:{group or d.user} /dev/nvidia*; chmod {mode} /dev/nvidia*"
    d.machine.run(["sh", "-c", spell])
    d.machine.run(["gpasswd", "--add" if one.member else "--delete", d.user, "video"], check=False)
    d.machine.remove(f"/etc/systemd/system/{UNIT}.d/zz-tabbydoctor-gpu-groups.conf")
    d.machine.dropin(UNIT, f"[Service]\n{GROUPS[one.unit]}\n", name="groups")
    restart(d)


def restart(d: Deployment) -> None:
    d.machine.run(["systemctl", "reset-failed", UNIT], check=False)
    d.machine.run(["systemctl", "restart", UNIT])


def denied(d: Deployment) -> bool:
    """Whether the unit's own account was denied the node at its last start."""
    invocation = d.machine.property(UNIT, "InvocationID")
    d.machine.run(["journalctl", "--sync"])
    said = d.machine.run(["journalctl", f"_SYSTEMD_INVOCATION_ID={invocation}", "-o", "cat"]).stdout
    assert "/dev/nvidiactl" in said, said
    return "Permission denied" in said


def check(d: Deployment) -> DoctorRun:
    return d.doctor("check", "--only", "groups", "--format", "json")


def remedies(run: DoctorRun) -> dict[str, list[str]]:
    """Id of a check with a finding -> the commands of its first remedy."""
    return {
        one["id"]: one["findings"][0]["remedies"][0]["commands"]
        for one in run.document["checks"]
        if one["findings"]
    }


@pytest.mark.parametrize("nodes", NODES)
def test_every_combination(serving: Deployment, nodes: str) -> None:
    for member, unit in product((False, True), GROUPS):
        one = Combination(nodes, member, unit)
        arrange(serving, one)
        said = remedies(check(serving))
        assert ("GRP001" in said) is denied(serving), one
        assert "GRP002" not in said, one
        if "GRP001" in said:
            for command in said["GRP001"]:
                serving.machine.run(["bash", "-c", command])
            assert not denied(serving), one
            assert remedies(check(serving)) == {}, one


def test_a_member_since_the_start(serving: Deployment) -> None:
    """GRP002 until the restart that is printed."""
    arrange(serving, Combination("for video", member=False, unit="plain"))
    serving.machine.run(["gpasswd", "--add", serving.user, "video"])
    said = remedies(check(serving))
    assert list(said) == ["GRP002"]
    for command in said["GRP002"]:
        serving.machine.run(["bash", "-c", command])
    assert not denied(serving)
    assert remedies(check(serving)) == {}
