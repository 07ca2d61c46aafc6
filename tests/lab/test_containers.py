"""TabbyAPI in containers, seen from outside: healthy ones, and one fault each.

Layouts as Docker and Podman make them (`containers.py`); no engine runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.lab import containers
from tests.lab.containers import CONFIG, HOST_DIRECTORY, Container
from tests.lab.deployment import ADMIN_KEY, API_KEY, Deploy, Deployment, DoctorRun
from tests.lab.outcome import broken_checks, faults_in, told

OPEN = CONFIG.replace("port: 5000", "port: 5000\n  disable_auth: true")
LOOPBACK = CONFIG.replace("0.0.0.0", "127.0.0.1")
EVERYWHERE = ("0.0.0.0", 5000, 5000)


def examined(deploy: Deploy, box: Container, then: Callable[[Deployment], None] | None = None,
             ) -> DoctorRun:  # fmt: skip
    """What the doctor says of that container, no router beside it."""
    d = deploy()
    without_router(d)
    containers.run(d, box)
    if then:
        then(d)
    ran = d.doctor("check", "--format", "json")
    assert not broken_checks(ran.document), told(ran.document)
    assert API_KEY not in ran.stdout
    assert ADMIN_KEY not in ran.stdout
    return ran


def without_router(d: Deployment) -> None:
    d.machine.systemctl("disable", "--quiet", "llm-router.service")
    d.machine.remove("/etc/systemd/system/llm-router.service", "/opt/llm-router")


def mounted_directory(d: Deployment) -> None:
    """Nothing more: the engine has made one where the file was not."""


HEALTHY = {
    "published on loopback": Container(),
    "published everywhere, with keys": Container(published=EVERYWHERE),
    "without keys, on loopback": Container(config=OPEN),
    "an account of its own": Container(user="1000"),
    "the machine's network": Container(host_network=True, published=None, config=LOOPBACK),
    "records that nobody may read": Container(described=False),
    "another port outside": Container(published=("127.0.0.1", 8123, 5000)),
    "podman, of an account": Container(engine="podman", user="1001"),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_one(deploy: Deploy, name: str) -> None:
    ran = examined(deploy, HEALTHY[name])
    said = ran.document
    assert faults_in(said) == set(), told(said)
    assert ran.exit_code == 0
    unknown = [check["id"] for check in said["checks"] if check["status"] == "unknown"]
    assert unknown == [], told(said)
    assert said["deployment"]["config_files"] == [f"{HOST_DIRECTORY}/config.yml"]


HEALTH_HEAD = ("CMD-SHELL", "wget --spider -q http://localhost:5000/health")
FAULTS: dict[str, tuple[str, Container]] = {
    "bound to its loopback": ("API011", Container(config=LOOPBACK)),
    "open to the world": ("CFG008", Container(config=OPEN, published=EVERYWHERE)),
    "open to the world, by its environment": (
        "CFG008",
        Container(environment={"TABBY_NETWORK_DISABLE_AUTH": "true"}, published=EVERYWHERE),
    ),
    "open to the world, its records unread": (
        "CFG008", Container(config=OPEN, published=EVERYWHERE, described=False),
    ),
    "open to the world, by the machine's network": (
        "CFG008", Container(config=OPEN, host_network=True, published=None),
    ),
    "keys inside alone": ("CTR003", Container(tokens_mounted=False)),
    "published to another port": ("CTR004", Container(published=("127.0.0.1", 5000, 8000))),
    "a directory for its configuration": (
        "CTR001", Container(config=None, directories=("config.yml",)),
    ),
    "a directory for its configuration, open port": (
        "CTR001", Container(config=None, directories=("config.yml",), published=EVERYWHERE),
    ),
    "a broken configuration": ("CFG002", Container(config="network:\n\thost: 0.0.0.0\n")),
    "a misspelt key": ("CFG003", Container(config=CONFIG.replace("port", "prot"))),
    "the section that does nothing": (
        "CFG004", Container(config=f"{CONFIG}auth:\n  disable: true\n"),
    ),
    "tokens for everybody of the machine": ("TOK004", Container(tokens_mode=0o644)),
    "a health check by HEAD": ("CTR006", Container(health_test=HEALTH_HEAD)),
    "a health check at the port outside": (
        "CTR006",
        Container(
            published=("127.0.0.1", 8123, 5000),
            health_test=("CMD", "curl", "-f", "http://localhost:8123/health"),
        ),
    ),
    "podman, bound to its loopback": (
        "API011", Container(engine="podman", user="1001", config=LOOPBACK),
    ),
    "podman, open to the world": (
        "CFG008",
        Container(engine="podman", user="1001", config=OPEN, published=EVERYWHERE),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_named_first(deploy: Deploy, name: str) -> None:
    root, box = FAULTS[name]
    said = examined(deploy, box).document
    assert said["diagnosis"][0]["root"] == root, told(said)


@pytest.mark.parametrize("name", ["config.yml", "api_tokens.yml"])
def test_a_file_that_an_editor_replaced(deploy: Deploy, name: str) -> None:
    place = f"{HOST_DIRECTORY}/{name}"

    def replaced(d: Deployment) -> None:
        d.machine.run(["sh", "-ec", f"cp -p {place} {place}~ && mv {place}~ {place}"])

    said = examined(deploy, Container(), replaced).document
    assert [root["root"] for root in said["diagnosis"]] == ["CTR002"], told(said)
    assert said["diagnosis"][0]["remedies"][0]["commands"] == ["docker restart tabbyapi"]


def test_nothing_of_the_machine_at_the_same_path_is_judged(deploy: Deploy) -> None:
    def unrelated(d: Deployment) -> None:
        d.machine.write("/app/api_tokens.yml", "api_key: 1\n", mode=0o644)
        d.machine.write("/app/config.yml", "network: [\n")

    said = examined(deploy, Container(tokens_mounted=False, config_mounted=False), unrelated)
    assert [root["root"] for root in said.document["diagnosis"]] == ["CTR003"], said.stdout


def test_a_link_inside_leads_nowhere_outside(deploy: Deploy) -> None:
    """An absolute link of the container's is one to a file of the container's."""
    secret = "network:\n  host: 0.0.0.0\n  prot: 1\n"

    def linked(d: Deployment) -> None:
        d.machine.write("/etc/secret.yml", secret, mode=0o600)
        d.machine.run(["ln", "-s", "/etc/secret.yml", f"{containers.root_of(d)}/app/config.yml"])

    box = Container(config_mounted=False, config=None)
    said = examined(deploy, box, linked).document
    assert "prot" not in str(said)
    assert "CFG003" not in faults_in(said)


def test_a_mounted_directory_lends_no_eyes(deploy: Deploy) -> None:
    """What the container puts into a directory of this machine is read as inside."""
    box = replace(Container(config=None, tokens_mounted=False), mounts=("/srv/shared:/app/shared",),
                  arguments=("--config", "shared/config.yml"))  # fmt: skip

    def linked(d: Deployment) -> None:
        d.machine.run(["rm", "-f", "/srv/shared/config.yml"])
        d.machine.write("/etc/secret.yml", "network:\n  prot: 1\n", mode=0o600)
        d.machine.run(["ln", "-s", "/etc/secret.yml", "/srv/shared/config.yml"])

    d = deploy()
    without_router(d)
    d.machine.write("/srv/shared/config.yml", CONFIG)
    containers.run(d, box)
    linked(d)
    said = d.doctor("check", "--format", "json").document
    assert not broken_checks(said), told(said)
    assert "prot" not in str(said)


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_a_router_of_the_machine_gets_the_key_and_undo_takes_it_back(
    deploy: Deploy, engine: str
) -> None:
    d = deploy(router="broken", router_user="router")
    box = Container(engine=engine, tokens_mode=0o640, tokens_group="router")
    containers.run(d, box if engine == "docker" else replace(box, user="1001"))
    d.machine.systemctl("start", "llm-router.service", "sglang.service", "llamacpp.service")
    d.machine.wait_for(lambda: d.forward().status == 401, "the router to hand on a refusal")
    before = d.machine.snapshot(["/opt/llm-router", "/etc", HOST_DIRECTORY])
    said = d.doctor("check", "--format", "json").document
    assert said["diagnosis"][0]["root"] in ("RTR001", "RTR002"), told(said)
    fixed = d.doctor("fix", "--auth", "--yes")
    assert fixed.exit_code == 0, fixed.stdout + fixed.stderr
    assert d.forward().status != 401
    assert d.doctor("undo").exit_code == 0
    assert d.machine.snapshot(["/opt/llm-router", "/etc", HOST_DIRECTORY]) == before


def test_from_inside_what_is_outside_is_said_once(deploy: Deploy) -> None:
    d = deploy()
    without_router(d)
    containers.run(d, Container())
    root = containers.root_of(d)
    d.machine.run(["touch", f"{root}/.dockerenv"])
    enter = ["nsenter", "-a", "-t", root.split("/")[2], "--", str(d.installed.doctor)]
    said = json.loads(d.machine.run([*enter, "check", "--format", "json"], check=False).stdout)
    assert faults_in(said) == set(), told(said)
    assert [one["id"] for one in said["checks"] if one["status"] == "unknown"] == []
    assert [one["id"] for one in said["checks"] if one["status"] == "info"] == ["API008", "CTR007"]


def test_who_may_not_look_inside_is_told_what_is_needed(deploy: Deploy) -> None:
    d = deploy()
    without_router(d)
    containers.run(d, Container())
    ran = d.doctor("check", user="ivan")
    assert ran.exit_code == 2
    assert f"of docker {containers.ID[:12]} may be one: use sudo" in ran.stderr
