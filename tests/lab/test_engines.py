"""TabbyAPI in containers that a real Docker and a real Podman made, where these are installed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab import engines
from tests.lab.conftest import unavailable
from tests.lab.containers import CONFIG, HOST_DIRECTORY
from tests.lab.deployment import ADMIN_KEY, API_KEY, DATA, Deploy, Deployment, DoctorRun
from tests.lab.engines import Asked
from tests.lab.machine import CommandError
from tests.lab.outcome import broken_checks, faults_in, told
from tests.lab.test_containers import LOOPBACK, OPEN, without_router

EVERYWHERE = ("-p", "5000:5000")
SHARED = ("--network=host",)
NO_PROXY = "--userland-proxy=false"


@pytest.fixture(params=["docker", "podman"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def started(deploy: Deploy, engine: str, *options: str, **more: Any) -> Deployment:
    """A machine with that engine, and no TabbyAPI yet. Skipped where there can be none."""
    d = deploy(**more)
    reason = engines.missing(d, engine)
    if reason:
        unavailable(reason)
    engines.start(d, engine, *options)
    engines.without_unit(d)
    try:
        d.machine.run([engine, "run", "--rm", "-v", "/usr:/usr:ro", engines.IMAGE, "/bin/true"])
    except CommandError as error:
        unavailable(f"{engine} runs no container here: {error}")
    return d


def said(d: Deployment) -> dict[str, Any]:
    ran = d.doctor("check", "--format", "json")
    assert not broken_checks(ran.document), told(ran.document)
    assert API_KEY not in ran.stdout
    assert ADMIN_KEY not in ran.stdout
    return ran.document


@pytest.mark.parametrize(
    "asked",
    [Asked(), Asked(options=EVERYWHERE), Asked(LOOPBACK, options=SHARED),
     Asked(OPEN), Asked(options=("-p", "127.0.0.1:8123:5000"))],
    ids=["loopback", "everywhere", "shared", "without keys", "another port"],
)  # fmt: skip
def test_a_healthy_one(deploy: Deploy, engine: str, asked: Asked) -> None:
    d = started(deploy, engine)
    without_router(d)
    engines.run(d, engine, asked)
    port = 8123 if "127.0.0.1:8123:5000" in asked.options else 5000
    engines.serves(d, f"http://127.0.0.1:{port}/health")
    document = said(d)
    assert faults_in(document) == set(), told(document)
    assert [one["id"] for one in document["checks"] if one["status"] == "unknown"] == []
    assert document["deployment"]["config_files"] == [f"{HOST_DIRECTORY}/config.yml"]
    assert document["deployment"]["url"] == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("root", "asked", "serves"),
    [
        ("API011", Asked(LOOPBACK), False),
        ("CFG008", Asked(OPEN, options=EVERYWHERE), True),
        ("CFG008", Asked(OPEN, options=SHARED), True),
        ("CFG002", Asked("network:\n\thost: 0.0.0.0\n"), False),
        ("CFG003", Asked(CONFIG.replace("port", "prot")), True),
        ("CTR003", Asked(tokens=None), True),
        ("CTR004", Asked(options=("-p", "127.0.0.1:5000:8000")), False),
        ("CFG005", Asked(environment={"TABBY_NETWORK_PORT": "five"}), False),
    ],
    ids=["loopback", "open", "open, shared", "no YAML", "misspelt", "keys inside", "port", "ended"],
)
def test_the_fault_is_named_first(
    deploy: Deploy, engine: str, root: str, asked: Asked, serves: bool
) -> None:
    d = started(deploy, engine)
    without_router(d)
    engines.run(d, engine, asked)
    if serves:
        engines.serves(d)
    else:
        engines.settled(d, engine)
    document = said(d)
    assert document["diagnosis"][0]["root"] == root, told(document)


def test_open_to_the_world_without_a_proxy(deploy: Deploy) -> None:
    d = started(deploy, "docker", NO_PROXY)
    without_router(d)
    engines.run(d, "docker", Asked(OPEN, options=EVERYWHERE))
    engines.serves(d)
    document = said(d)
    assert document["diagnosis"][0]["root"] == "CFG008", told(document)


def test_what_docker_could_not_start(deploy: Deploy) -> None:
    d = started(deploy, "docker")
    without_router(d)
    words = ["docker", "run", "-d", "--name", "tabbyapi", "--gpus=all", engines.IMAGE, "/bin/true"]
    refused = d.machine.run(words, check=False).stderr
    assert "could not select device driver" in refused
    document = said(d)
    assert [one["root"] for one in document["diagnosis"]] == ["CTR009"], told(document)


def test_an_ended_one_is_started_by_what_is_printed(deploy: Deploy, engine: str) -> None:
    d = started(deploy, engine)
    without_router(d)
    engines.run(d, engine, Asked())
    engines.serves(d)
    d.machine.run([engine, "kill", "tabbyapi"])
    engines.settled(d, engine)
    document = said(d)
    (root,) = document["diagnosis"]
    assert root["root"] in ("CTR009", "API001"), told(document)
    for line in root["remedies"][0]["commands"]:
        d.machine.run(["sh", "-ec", line])
    engines.serves(d)
    assert faults_in(said(d)) == set()


def test_a_router_of_the_machine_gets_the_key_and_undo_takes_it_back(
    deploy: Deploy, engine: str
) -> None:
    d = started(deploy, engine, router="broken", router_user="router")
    engines.run(d, engine, Asked())
    d.machine.run(["chmod", "640", f"{HOST_DIRECTORY}/api_tokens.yml"])
    d.machine.run(["chgrp", "router", f"{HOST_DIRECTORY}/api_tokens.yml"])
    engines.serves(d)
    d.machine.systemctl("start", "llm-router.service", "sglang.service", "llamacpp.service")
    d.machine.wait_for(lambda: d.forward().status == 401, "the router to hand on a refusal")
    before = d.machine.snapshot(["/opt/llm-router", "/etc", HOST_DIRECTORY])
    fixed = d.doctor("fix", "--auth", "--yes")
    assert fixed.exit_code == 0, fixed.stdout + fixed.stderr
    assert d.forward().status != 401
    assert d.doctor("undo").exit_code == 0
    assert d.machine.snapshot(["/opt/llm-router", "/etc", HOST_DIRECTORY]) == before


INSIDE = "/srv/router/router.py"


def a_router_beside(d: Deployment, engine: str, *options: str) -> None:
    """TabbyAPI and a router of its own container, which find each other by their names."""
    engines.run(d, engine, Asked(options=("--network=lab", "-p", "127.0.0.1:5000:5000")))
    engines.serves(d)
    source = (DATA / "router-broken.py.txt").read_text()
    source = source.replace("http://127.0.0.1:{PORTS[backend]}", "http://tabbyapi:5000")
    d.machine.write(INSIDE, source.replace('("127.0.0.1", ROUTER_PORT)', '("", ROUTER_PORT)'))
    engines.run_router(d, engine, "/srv/router", "--network=lab", *options)
    d.machine.wait_for(lambda: d.forward().status == 401, "the router to hand on a refusal")


def test_a_router_in_another_container_gets_the_key_in_its_mounted_source(
    deploy: Deploy, engine: str
) -> None:
    d = started(deploy, engine)
    without_router(d)
    d.machine.run([engine, "network", "create", "lab"])
    a_router_beside(d, engine, "-v", f"{HOST_DIRECTORY}:/keys:ro")
    places = ["/srv", "/etc/systemd"]
    before = d.machine.snapshot(places)
    document = said(d)
    assert document["deployment"]["router"]["path"] == INSIDE, told(document)
    assert document["diagnosis"][0]["root"] in ("RTR001", "RTR002"), told(document)
    fixed = d.doctor("fix", "--auth", "--yes")
    assert fixed.exit_code == 1, fixed.stdout + fixed.stderr
    assert f"sudo {engine} restart llm-router" in " ".join(fixed.stdout.split())
    assert "/keys/api_tokens.yml" in d.machine.read(INSIDE)
    d.machine.run([engine, "restart", "llm-router"])
    d.machine.wait_for(lambda: d.forward().status not in (0, 401), "the router to send the key")
    again = d.doctor("fix", "--auth", "--yes")
    assert again.exit_code == 0, again.stdout + again.stderr
    assert not [one for one in faults_in(said(d)) if one.startswith("RTR00")]
    assert d.doctor("undo").exit_code == 0
    assert d.machine.snapshot(places) == before


def by_a_member(d: Deployment) -> DoctorRun:
    """The doctor of an ordinary account that may ask the engine, and nothing else."""
    d.machine.useradd("mia", groups=("docker",))
    d.machine.run(["sh", "-ec", "chgrp docker /run/docker.sock && chmod 660 /run/docker.sock"])
    return d.doctor("check", user="mia")


def test_a_member_of_the_engines_group_sees_what_it_answers(deploy: Deploy) -> None:
    d = started(deploy, "docker")
    without_router(d)
    engines.run(d, "docker", Asked(OPEN, options=EVERYWHERE))
    engines.serves(d)
    d.machine.run(["chmod", "644", f"{HOST_DIRECTORY}/config.yml"])
    ran = by_a_member(d)
    assert "docker tabbyapi" in ran.stdout
    assert "CFG008" in ran.stdout
    assert API_KEY not in ran.stdout


def test_a_member_of_the_engines_group_finds_no_fault_in_a_healthy_one(deploy: Deploy) -> None:
    d = started(deploy, "docker")
    without_router(d)
    engines.run(d, "docker", Asked())
    engines.serves(d)
    d.machine.run(["chmod", "644", f"{HOST_DIRECTORY}/config.yml"])
    by_a_member(d)
    document = d.doctor("check", "--format", "json", user="mia").document
    assert faults_in(document) == set(), told(document)
    assert document["deployment"]["container"] == "docker tabbyapi"
    assert document["deployment"]["config_files"] == [f"{HOST_DIRECTORY}/config.yml"]


def test_a_member_of_the_engines_group_sees_one_that_has_ended(deploy: Deploy) -> None:
    d = started(deploy, "docker")
    without_router(d)
    engines.run(d, "docker", Asked(environment={"TABBY_NETWORK_PORT": "five"}))
    engines.settled(d, "docker")
    ran = by_a_member(d)
    assert "docker tabbyapi" in ran.stdout
    assert "CTR009" in ran.stdout
