"""What an engine answers a member of its group, who sees nothing of a container's inside."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tabbydoctor.deployment.ended_containers import ended_containers
from tabbydoctor.deployment.engine_answers import inspected
from tabbydoctor.deployment.machine import process_table
from tabbydoctor.deployment.parts import Discovery, Machine
from tabbydoctor.examination import bundle, deployment, facts_of
from tabbydoctor.facts import Facts
from tabbydoctor.host.data import Process
from tabbydoctor.host.recording import AnswerRecord, RecordingHost
from tabbydoctor.redaction import redact
from tests.scratch_host import ScratchHost
from tests.stand_in_engine import StandInEngine, answered

from .scene import CONFIG, Scene, refusing, serving
from .test_containers import (
    ANYWHERE,
    HOST_FILE,
    ID,
    OPEN,
    PID,
    SCOPES,
    contained,
    namespaces,
    proxy,
)

MEMBER = 61007
LIST, ONE = "/containers/json?all=1", f"/containers/{ID}/json"
DOCKERD = Process(90, ("/usr/sbin/dockerd", "-H", "fd://"), uid=0, unit="docker.service")
SERVER = Process(PID, ("python3", "main.py"), uid=0, cgroup=SCOPES["docker"], started=2e9)
SECRET = "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"


@dataclass
class Seen(Scene):
    """By an ordinary account."""

    machine: Machine = field(default_factory=lambda: Machine(systemd=True, systemd_version=252))

    @property
    def host(self) -> ScratchHost:
        host = super().host
        host._uid = MEMBER
        return host


@pytest.fixture
def scene(tmp_path: Path) -> Seen:
    scene = Seen(tmp_path)
    scene.state = {"LoadState": "not-found", "ActiveState": "inactive"}
    scene.processes = (SERVER, DOCKERD)
    scene.endpoint = serving()
    scene.write(HOST_FILE, ANYWHERE)
    (scene.root / f"proc/{PID}").mkdir(parents=True)
    (scene.root / f"proc/{PID}/root").symlink_to("root")  # nobody gets through
    return scene


def described(**more: Any) -> dict[str, Any]:
    """What `docker inspect` shows of it."""
    ports = {"5000/tcp": [{"HostIp": "0.0.0.0", "HostPort": "5000"}]}
    return {
        "Id": ID,
        "Name": "/tabby",
        "Path": "python3",
        "Args": ["main.py"],
        "State": {"Running": True, "Status": "running", "Pid": PID},
        "Config": {"Image": "x/tabbyapi", "WorkingDir": "/app", "Env": [f"HF_TOKEN={SECRET}"]},
        "HostConfig": {"NetworkMode": "bridge"},
        "NetworkSettings": {"Ports": ports, "Networks": {"bridge": {"IPAddress": "172.17.0.2"}}},
        "Mounts": [{"Type": "bind", "Source": HOST_FILE, "Destination": "/app/config.yml"}],
        **more,
    }


def engine(scene: Scene, record: object, **rows: Any) -> StandInEngine:
    row = {"Id": ID, "State": "exited", **rows}
    answers = {ONE: answered(record), LIST: answered([row, "x", {"Id": 5}])}
    return StandInEngine(scene.root / "run/docker.sock", answers)


def test_without_keys_and_published_to_others(scene: Seen) -> None:
    scene.write(HOST_FILE, OPEN)
    with engine(scene, described()):
        finding = scene.examine().finding("CFG008")
    assert finding.evidence[0].source.startswith(HOST_FILE)
    assert finding.remedies[0].commands[-1] == "sudo docker restart tabby"


def test_nothing_is_told_without_it(scene: Seen) -> None:
    scene.write(HOST_FILE, OPEN)
    assert scene.examine().ids == []


def test_what_is_closed_is_not_called_healthy(scene: Seen) -> None:
    scene.write(HOST_FILE, f"{ANYWHERE}model:\n  model_name: tiny\n")
    with engine(scene, described()):
        said = scene.examine()
    unknown = {one.check.id for one in said.results if one.status == "unknown"}
    assert said.ids == []
    assert {"TOK001", "TOK002", "TOK009", "SVC010", "API010", "CFG010"} <= unknown


@pytest.mark.parametrize(
    "record",
    [
        described(Id="5f" * 32),
        described(Config={"Image": "nginx"}, Name="/web"),
        described(Config=7, Mounts=9, NetworkSettings=[], State="x", HostConfig=1, Name=[]),
        [],
        "x",
    ],
    ids=["another's id", "another program", "no fields", "a list", "a text"],
)
def test_an_answer_that_is_none(scene: Seen, record: object) -> None:
    scene.write(HOST_FILE, OPEN)
    with engine(scene, record):
        assert scene.examine().ids == []


def test_only_an_engine_that_runs_is_asked(scene: Seen) -> None:
    """Connecting would have systemd start it."""
    scene.processes = (SERVER,)
    with engine(scene, described()) as asked:
        scene.examine()
    assert asked.asked == []


def test_one_in_a_container_is_no_engine(scene: Seen) -> None:
    inside = Process(90, ("dockerd",), uid=0, cgroup=f"/docker/{'5f' * 32}")
    scene.processes = (SERVER, inside)
    with engine(scene, described()) as asked:
        scene.examine()
    assert asked.asked == []


def test_a_secret_of_its_environment_is_remembered(scene: Seen) -> None:
    with engine(scene, described()):
        scene.examine()
    assert SECRET not in redact(f"it said {SECRET} here")


def test_what_is_seen_counts(scene: Seen) -> None:
    """It says loopback, and docker-proxy answers to all; it says bridge, and has no own network."""
    scene.write(HOST_FILE, OPEN)
    proxy(scene, "0.0.0.0", 5000, 5000)
    ports = {"5000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "5000"}]}
    networks = {"bridge": {"IPAddress": "172.17.0.2"}}
    with engine(scene, described(NetworkSettings={"Ports": ports, "Networks": networks})):
        assert scene.examine().ids == ["CFG008"]
        box = discovered(scene)
    assert box.answer
    assert box.answer.differences == ("0.0.0.0:5000 leads to it, by docker-proxy (pid 199)",)


def mountinfo(scene: Scene, *rows: tuple[str, str]) -> None:
    """What the kernel shows everybody of its mounts."""
    lines = ["590 574 0:40 / / rw - overlay overlay rw,lowerdir=/x"]
    lines += [f"600 590 8:1 {root} {inside} rw - ext4 /dev/sda1 rw" for root, inside in rows]
    scene.write(f"/proc/{PID}/mountinfo", "\n".join(lines))
    scene.write("/proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
    for pid, name in ((str(PID), "user:[1]"), ("self", "user:[2]")):
        (scene.root / f"proc/{pid}/ns").mkdir(parents=True, exist_ok=True)
        (scene.root / f"proc/{pid}/ns/user").symlink_to(name)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ((HOST_FILE, "/app/config.yml"), ()),
        (("/srv/other.yml", "/app/config.yml"), (f"{HOST_FILE} is not what is mounted",)),
        ((HOST_FILE, "/other/config.yml"), (f"{HOST_FILE} is not what is mounted",)),
    ],
    ids=["as told", "another file", "elsewhere"],
)
def test_mounts_are_those_that_are_seen(
    scene: Seen, row: tuple[str, str], said: tuple[str, ...]
) -> None:
    scene.write("/srv/other.yml", CONFIG)
    mountinfo(scene, row)
    with engine(scene, described()):
        box = discovered(scene)
        status = {one.check.id: one.status for one in scene.examine().results}
    assert [one.partition(" at ")[0] for one in box.answer.differences] == list(said)
    assert (box.outside("/app/config.yml") == HOST_FILE) is not bool(said)
    assert (status["CFG002"] == "unknown") is bool(said)


def test_a_stale_mount_is_unknown_where_none_is_seen(scene: Seen) -> None:
    with engine(scene, described()):
        status = {one.check.id: one.status for one in scene.examine().results}
    assert (status["CTR002"], status["CFG002"]) == ("unknown", "passed")


def test_a_bundle_holds_no_secret_of_an_answer(scene: Seen) -> None:
    record = AnswerRecord()
    with engine(scene, described()):
        host = RecordingHost(scene.host, record)
        assert inspected(host, process_table(host), "docker", ID)
    packed = gzip.decompress(bundle.pack(record.answers(), scene.targets, "h", "now"))
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        inner = tar.extractfile("answers.jsonl")
        answers = [json.loads(line) for line in inner or ()]
    bodies = [base64.b64decode(one["answer"]["body"]) for one in answers if "body" in str(one)]
    assert bodies
    assert all(b"x/tabbyapi" in one and SECRET.encode() not in one for one in bodies)


def test_a_difference_is_said(scene: Seen) -> None:
    namespaces(scene, "net:[4026531840]")
    with engine(scene, described(State={"Running": False, "Status": "exited"})):
        box = discovered(scene)
    said = " ".join(deployment._differences(box))
    assert "it runs, and was said not to" in said
    assert "its network is this machine's" in said
    assert box.ended is None


def discovered(scene: Scene) -> Any:
    async def run() -> Any:
        facts: Facts = facts_of(scene.host, scene.targets)
        try:
            return await facts.get(Discovery)
        finally:
            await facts.close()

    found = asyncio.run(run())
    assert found.instance
    return found.instance.contained


def test_one_that_has_ended(scene: Seen) -> None:
    scene.processes = (DOCKERD,)
    scene.endpoint = refusing()
    with engine(scene, described(State={"Running": False, "ExitCode": 137, "OOMKilled": True})):
        finding = scene.examine().finding("CTR009")
    assert finding.title == "docker tabby has ended: main memory ran out"


@pytest.mark.parametrize(
    ("record", "row"),
    [
        (described(), {"State": "running"}),
        (described(State={"Running": True}), {}),
        (described(Id="5f" * 32, State={"ExitCode": 1}), {}),
        (described(Config={"Image": "nginx"}, Name="/web", Mounts=[], State={"ExitCode": 1}), {}),
        (described(State={"ExitCode": 1}), {"Id": f"../{ID}"}),
    ],
    ids=["runs", "runs after all", "another's", "another program", "no id"],
)
def test_none_that_has_ended(scene: Seen, record: object, row: Mapping[str, object]) -> None:
    scene.processes = (DOCKERD,)
    with engine(scene, record, **row):
        host = scene.host
        assert ended_containers(host, process_table(host)) == ()


def test_root_asks_where_no_record_is_read(scene: Seen) -> None:
    """Its files are seen by root as ever: the answer closes nothing."""
    root = Scene(scene.root, state=scene.state, endpoint=serving())
    (root.root / f"proc/{PID}/root").unlink()
    contained(root, config=OPEN)
    root.processes = (*root.processes, DOCKERD)
    with engine(scene, described()):
        said, box = root.examine(), discovered(root)
    assert said.finding("CFG008").remedies
    assert (box.name, box.closed) == ("tabby", False)


def test_records_that_are_read_need_no_answer(scene: Seen) -> None:
    scene.processes = (DOCKERD,)
    kept = {"Name": "/tabbyapi", "Config": {"Image": "x"}, "State": {"ExitCode": 1}}
    scene.write(f"/var/lib/docker/containers/{ID}/config.v2.json", json.dumps(kept))
    with engine(scene, described()) as asked:
        (one,) = ended_containers(host := scene.host, process_table(host))
    assert (one.answer, asked.asked) == (None, [])


def test_a_name_that_is_none_is_not_taken(scene: Seen) -> None:
    scene.processes = (DOCKERD,)
    with engine(scene, described(Name="/x; rm -rf /", State={"ExitCode": 1})):
        (one,) = ended_containers(host := scene.host, process_table(host))
    assert one.name == ""
