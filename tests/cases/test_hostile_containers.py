"""What a container, its image, or an account that plays one, may try with root's doctor."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from tabbydoctor.deployment.container import Container
from tabbydoctor.deployment.engine_records import described
from tabbydoctor.host.access import PathStatus
from tabbydoctor.host.data import CommandResult, Process
from tests.scratch_host import ScratchHost

from .scene import HOME, IVAN, Scene, refusing, serving, told
from .test_containers import (
    ANYWHERE,
    ID,
    OPEN,
    PID,
    RECORDS,
    ROOT,
    contained,
    mount,
    proxy,
    record,
)

OF_IVAN = "/user.slice/user-61004.slice/user@61004.service/user.slice"
SECRET = "ERROR:    The YAML config from 'secret' couldn't load"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.state = {"LoadState": "not-found", "ActiveState": "inactive"}
    scene.endpoint = serving()
    contained(scene)
    return scene


def said_of(scene: Scene) -> str:
    """All that is printed."""
    return "\n".join(told(one) for each in scene.examine().results for one in each.findings)


def commands_of(scene: Scene) -> list[str]:
    """Every command to paste."""
    findings = [one for each in scene.examine().results for one in each.findings]
    return [line for one in findings for remedy in one.remedies for line in remedy.commands]


@pytest.mark.parametrize("name", ["+!id", "-c:!id", "$(id)", "a b;id", "--help"])
def test_a_files_name_is_no_option_of_an_editor(scene: Scene, name: str) -> None:
    """vi runs what `+!…` says, and a container names its own files."""
    (server,) = scene.processes
    scene.processes = (replace(server, argv=(*server.argv, "--config", f"/app/{name}")),)
    scene.write(f"{ROOT}/app/{name}", f"{ANYWHERE}  prot: 1\n")
    scene.write(f"{ROOT}/app/config.yml", "{}\n")
    edited = [shlex.split(line) for line in commands_of(scene) if "EDITOR" in line]
    assert edited
    assert all(words[-1] == f"./{name}" for words in edited)


def test_a_link_is_not_copied_out_of_a_container(scene: Scene) -> None:
    """`docker cp` makes the link anew here, where it leads to a file of this machine."""
    scene.write(f"{ROOT}/app/config.yml", f"{ANYWHERE}  prot: 1\n")
    commands = commands_of(scene)
    assert any("EDITOR" in line for line in commands)
    assert not [line for line in commands if " cp 4e4e4e4e4e4e:" in line]


def user_namespaces(scene: Scene) -> None:
    """The server is in a user namespace of its own."""
    for pid, name in ((str(PID), "user:[4026532000]"), ("self", "user:[4026531837]")):
        (scene.root / f"proc/{pid}/ns").mkdir(parents=True, exist_ok=True)
        (scene.root / f"proc/{pid}/ns/user").symlink_to(name)


def by_ivan(scene: Scene, **labels: str) -> None:
    """Ivan's own engine, or what looks like one: records that he wrote, mounted from there."""
    home = f"{HOME}/.local/share/docker/containers/{ID}"
    (server,) = scene.processes
    scene.processes = (replace(server, uid=IVAN.uid, cgroup=f"{OF_IVAN}/docker-{ID}.scope"),)
    scene.write(f"{ROOT}/app/config.yml", f"{OPEN}  prot: 1\n")
    scene.write(f"{ROOT}/etc/hostname", "x\n")
    mount(scene, (f"{home}/hostname", "/etc/hostname"))
    user_namespaces(scene)
    config = {"Image": "tabby", "Labels": labels}
    scene.write(f"{home}/config.v2.json", json.dumps({"Name": "/tabby", "Config": config}))
    for path in (scene.root / HOME[1:]).rglob("*"):
        os.chown(path, IVAN.uid, IVAN.gid)


def test_an_accounts_own_engine_is_asked_as_that_account(scene: Scene) -> None:
    """Root pastes no compose file of his for the system's engine."""
    by_ivan(
        scene,
        **{
            "com.docker.compose.project.config_files": f"{HOME}/compose.yaml",
            "com.docker.compose.service": "tabby",
        },
    )
    commands = [line for line in commands_of(scene) if "docker" in line]
    assert any(f"compose -f {HOME}/compose.yaml" in line for line in commands)
    own = "sudo -u ivan XDG_RUNTIME_DIR=/run/user/61004 docker "
    assert all(own in line for line in commands)


def test_a_record_of_the_systems_engine_is_of_no_accounts_container(scene: Scene) -> None:
    """Below his own manager an account makes control groups of any name."""
    record(scene)
    (server,) = scene.processes
    scene.processes = (replace(server, uid=IVAN.uid, cgroup=f"{OF_IVAN}/docker-{ID}.scope"),)
    scene.write(f"{ROOT}/app/config.yml", f"{ANYWHERE}  prot: 1\n")
    commands = [line for line in commands_of(scene) if "docker" in line]
    assert commands
    assert not [line for line in commands if "sudo docker" in line or line.endswith(" tabby")]


def test_a_label_names_no_unit() -> None:
    """An image brings labels of its own: by them its container is not another unit's."""
    box = Container("docker", ID, PID, "/app")
    given = {"Labels": {"PODMAN_SYSTEMD_UNIT": "tabbyapi.service"}}
    assert described(box, {"Name": "/x"}, given, {}).unit == ""


def test_a_monitor_is_that_of_its_own_container(scene: Scene) -> None:
    """A process whose control group is named like another's container is not that."""
    contained(scene, "podman", f"{ANYWHERE}  prot: 1\n")
    (server,) = scene.processes
    words = ("/usr/bin/conmon", "-c", ID, "-n", "of-root", "-b", "/run/x", "-l", "k8s-file:/l")
    group = f"{OF_IVAN}/libpod-{ID}.scope"
    scene.processes = (replace(server, uid=IVAN.uid, cgroup=group), Process(150, words, uid=0))
    said = said_of(scene)
    assert "of-root" not in said
    assert "sudo -u ivan XDG_RUNTIME_DIR=/run/user/61004 podman" in said


@pytest.mark.parametrize("program", ["conmon", "docker-proxy"])
def test_root_of_another_container_is_no_program_of_the_engine(scene: Scene, program: str) -> None:
    contained(scene, "podman", f"{ANYWHERE}  prot: 1\n")
    words = (f"/x/{program}", "-c", ID, "-n", "forged", "-b", "/x", "-l", "k8s-file:/root/l")
    other = f"/machine.slice/libpod-{'5f' * 32}.scope"
    scene.processes = (*scene.processes, Process(150, words, uid=0, cgroup=other))
    scene.write("/root/l", f"2026-05-01T10:00:00.123456789+00:00 stdout F {SECRET}", 0o600)
    said = said_of(scene)
    assert "forged" not in said
    assert "secret" not in said


def test_a_monitor_stands_over_all_that_its_container_runs(scene: Scene) -> None:
    contained(scene, "podman", f"{ANYWHERE}  prot: 1\n")
    (server,) = scene.processes
    words = ("/usr/bin/conmon", "-c", ID, "-n", "tabby", "-b", "/run/x", "-l", "journald")
    between = [Process(pid, ("sh",), uid=0, parent=pid - 1) for pid in (151, 152, 153)]
    scene.processes = (replace(server, parent=153), *between, Process(150, words, uid=0))
    assert "sudo podman" in said_of(scene)
    assert any(line.endswith(" tabby") for line in commands_of(scene))


@pytest.mark.parametrize("group", [f"/system.slice/docker-{'5f' * 32}.scope", "/lxc/other"])
def test_a_proxy_in_a_container_publishes_nothing(scene: Scene, group: str) -> None:
    """Root of another container, with the machine's network, calls its program so."""
    contained(scene, config=OPEN)
    proxy(scene, "0.0.0.0")
    *others, forwarder = scene.processes
    scene.processes = (*others, replace(forwarder, cgroup=group))
    assert scene.examine().findings("CFG008") == ()


def test_a_journal_line_of_others_is_none_of_its_output(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every account may write a line with a field that names the container."""
    record(scene)
    host = {"LogConfig": {"Type": "journald"}}
    scene.write(f"{RECORDS}/hostconfig.json", json.dumps(host), 0o600)
    scene.endpoint = refusing()
    scene.log = (SECRET,)
    asked: list[tuple[str, ...]] = []
    journal = scene._journal

    def answer(argv: tuple[str, ...]) -> CommandResult:
        asked.append(argv)
        return journal(argv)

    monkeypatch.setattr(scene, "_journal", answer)
    scene.examine()
    (argv,) = [each for each in asked if f"CONTAINER_ID_FULL={ID}" in each]
    assert "_UID=0" in argv


def test_mounts_without_end_are_cut(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = ["590 574 0:40 / / rw - overlay overlay rw,lowerdir=/x"]
    rows += [f"{n} 590 8:1 /srv/{n} /m/{n} rw - ext4 /dev/sda1 rw" for n in range(600, 20600)]
    scene.write(f"/proc/{PID}/mountinfo", "\n".join(rows))
    scene.write("/proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
    looked = 0
    way = ScratchHost.way

    def counting(self: ScratchHost, path: str) -> PathStatus:
        nonlocal looked
        looked += "/m/" in path
        return way(self, path)

    monkeypatch.setattr(ScratchHost, "way", counting)
    scene.examine()
    assert looked < 3000
