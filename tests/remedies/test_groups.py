"""GRP001, GRP002 and GRP003: from real device nodes to the drop-in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tabbydoctor.gpu.driver import DeviceNodes
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.host import Group, Process
from tabbydoctor.remedies.draft import CannotFix
from tests.checks.gpu.machine_tree import TreeHost, loaded, usual_nodes

from .scene import RELOAD, RESTART, SERVICE, Scene
from .test_units import drop_in, settings

GPU = Group("accel", 4400)


def nodes(scene: Scene, tmp_path: Path, mode: int = 0o660, gid: int = GPU.gid) -> None:
    scene.groups = (Group("root", 0), Group("tabby", SERVICE.gid), GPU)
    made = usual_nodes(loaded(TreeHost(tmp_path)), mode, gid).nodes()
    scene.given = {GpuNeed: GpuNeed("a test"), DeviceNodes: made}


def test_the_unit_gets_the_nodes_group(scene: Scene, tmp_path: Path) -> None:
    nodes(scene, tmp_path)
    before = scene.snapshot()
    draft = scene.mend("GRP001")
    path = drop_in(scene, "gpu-groups")
    assert settings(path) == ["[Service]", "SupplementaryGroups=accel"]
    assert path.stat().st_mode & 0o777 == 0o644
    assert [ran for ran in scene.runner.ran if "reset" not in ran] == [RELOAD, RESTART]
    assert "tabbyapi.service is restarted: a loaded model is loaded anew" in draft.notes
    scene.properties = {"SupplementaryGroups": "accel"}
    scene.gone(["GRP001"])
    scene.state.undo()
    assert scene.snapshot() == before


def test_never_the_group_root(scene: Scene, tmp_path: Path) -> None:
    nodes(scene, tmp_path, gid=0)
    with pytest.raises(CannotFix, match="no group but root's"):
        scene.draft("GRP001")


def test_only_a_system_unit_is_given_a_group(scene: Scene, tmp_path: Path) -> None:
    nodes(scene, tmp_path)
    scene.instance_changes = {"unit": None}
    with pytest.raises(CannotFix) as refused:
        scene.draft("GRP001")
    assert refused.value.manual == "sudo usermod -aG accel tabby"


def test_nixos_is_told_the_line(scene: Scene, tmp_path: Path) -> None:
    nodes(scene, tmp_path)
    scene.machine = replace(scene.machine, nixos=True)
    with pytest.raises(CannotFix) as refused:
        scene.draft("GRP001")
    line = 'users.users.tabby.extraGroups = [ "accel" ];'
    assert refused.value.manual.splitlines()[0] == line


def test_the_running_process_takes_its_groups_on(scene: Scene, tmp_path: Path) -> None:
    nodes(scene, tmp_path)
    scene.properties = {"SupplementaryGroups": "accel"}
    process = Process(7, ("python", "main.py"), uid=SERVICE.uid, groups=(SERVICE.gid,))
    scene.instance_changes = {"process": process}
    scene.mend("GRP002")
    assert scene.runner.ran[-1] == RESTART
    scene.instance_changes = {"process": replace(process, groups=(SERVICE.gid, GPU.gid))}
    scene.gone(["GRP002"])


@pytest.mark.parametrize(
    ("properties", "lines"),
    [
        ({"PrivateDevices": "yes", "DevicePolicy": "closed"}, ["PrivateDevices=no"]),
        ({"DevicePolicy": "closed"}, ["DeviceAllow=char-nvidia* rw"]),
        ({"DeviceAllow": "/dev/null rw"}, ["DeviceAllow=char-nvidia* rw"]),
    ],
)
def test_the_sandbox_shows_the_gpu(
    scene: Scene, tmp_path: Path, properties: dict[str, str], lines: list[str]
) -> None:
    nodes(scene, tmp_path, mode=0o666)
    scene.properties = properties
    before = scene.snapshot()
    scene.mend("GRP003")
    assert settings(drop_in(scene, "gpu-devices")) == ["[Service]", *lines]
    scene.properties = {"DevicePolicy": "closed", "DeviceAllow": "char-nvidia* rw"}
    scene.gone(["GRP003"])
    scene.state.undo()
    assert scene.snapshot() == before
