"""TabbyAPI in a container, seen from outside: its mounts, its network, its engine's marks."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tabbydoctor.deployment.parts import Machine
from tabbydoctor.host.data import Listener, Process
from tabbydoctor.targets import Targets

from .scene import CONFIG, IVAN, RUNNING, TABBY, TOKENS, Scene, refusing, serving, told

ID = "4e" * 32
PID = 161
ROOT = f"/proc/{PID}/root"
SCOPES = {
    "docker": f"/system.slice/docker-{ID}.scope",
    "docker by cgroupfs": f"/docker/{ID}",
    "podman": f"/machine.slice/libpod-{ID}.scope/container",
    "quadlet": f"/system.slice/tabby.service/libpod-payload-{ID}",
}
HOST_FILE = "/srv/tabby/config.yml"
ANYWHERE = CONFIG.replace("127.0.0.1", "0.0.0.0")
OPEN = f"{ANYWHERE}  disable_auth: true\n"
RECORDS = f"/var/lib/docker/containers/{ID}"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.state = {"LoadState": "not-found", "ActiveState": "inactive"}
    scene.endpoint = serving()
    contained(scene)
    return scene


def contained(scene: Scene, engine: str = "docker", config: str = ANYWHERE) -> None:
    """The server is a process in a container, whose files are below /proc/PID/root."""
    scene.processes = (
        Process(PID, ("python3", "main.py"), uid=0, cwd="/app", cgroup=SCOPES[engine], parent=1),
    )
    scene.write(f"{ROOT}/app/common/config_models.py", "")
    scene.write(f"{ROOT}/app/main.py", "")
    scene.write(f"{ROOT}/app/config.yml", config)
    scene.write(f"{ROOT}/app/api_tokens.yml", TOKENS, 0o600)
    namespaces(scene, "net:[4026532290]")


def namespaces(scene: Scene, own: str, machine: str = "net:[4026531840]") -> None:
    """The network namespaces of the container and of the doctor."""
    for pid, name in ((str(PID), own), ("self", machine)):
        link = scene.root / f"proc/{pid}/ns/net"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(name)


def mount(scene: Scene, *pairs: tuple[str, str]) -> None:
    """Files of the machine at places of the container: hard links stand for bind mounts."""
    rows = ["590 574 0:40 / / rw - overlay overlay rw,lowerdir=/x"]
    for number, (outside, inside) in enumerate(pairs):
        rows.append(f"{600 + number} 590 8:1 {outside} {inside} rw - ext4 /dev/sda1 rw")
        there, here = scene.root / outside[1:], scene.root / f"{ROOT}{inside}"[1:]
        there.parent.mkdir(parents=True, exist_ok=True)
        there.unlink(missing_ok=True)
        if here.is_file():
            os.link(here, there)
        else:
            there.mkdir(exist_ok=True)
    scene.write(f"/proc/{PID}/mountinfo", "\n".join(rows))
    scene.write("/proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n")


def proxy(scene: Scene, address: str, port: int = 5000, inner: int = 5000) -> None:
    """Docker's program for a published port."""
    words = ("/usr/bin/docker-proxy", "-proto", "tcp", "-host-ip", address, "-host-port", str(port),
             "-container-ip", "172.17.0.2", "-container-port", str(inner))  # fmt: skip
    scene.processes = (*scene.processes, Process(199, words, uid=0))
    scene.listeners = (*scene.listeners, Listener(address, port, 199))


def record(scene: Scene, **config: object) -> None:
    """What Docker wrote down of it."""
    ports = {"5000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "5000"}]}
    known = {
        "ID": ID,
        "Name": "/tabby",
        "Created": "2026-01-01T00:00:00.123456789Z",
        "Config": {"Image": "tabby", **config},
        "NetworkSettings": {"Ports": ports},
    }
    scene.write(f"{RECORDS}/config.v2.json", json.dumps(known), 0o600)
    scene.write(f"{RECORDS}/hostconfig.json", json.dumps({"PortBindings": ports}), 0o600)


@pytest.mark.parametrize("engine", SCOPES)
def test_a_server_on_the_loopback_of_its_container(scene: Scene, engine: str) -> None:
    contained(scene, engine, CONFIG)
    scene.endpoint = refusing()
    finding = scene.examine().finding("API011")
    assert finding.remedies[0].title == "Set network.host to 0.0.0.0"
    client = "docker" if engine.startswith("docker") else "podman"
    assert f"sudo {client} restart 4e4e4e4e4e4e" in finding.remedies[0].commands


def test_its_socket_tells_more_than_its_configuration(scene: Scene) -> None:
    """The configuration was changed since; the process is bound as before."""
    scene.endpoint = refusing()
    row = "0: 0100007F:1388 00000000:0000 0A 0:0 0:0 0 0 0 1"
    scene.write(f"/proc/{PID}/net/tcp", f"head\n {row}\n")
    proxy(scene, "0.0.0.0")
    finding = scene.examine().finding("API011")
    assert finding.title == (
        "TabbyAPI listens at 127.0.0.1:5000 inside its container: 0.0.0.0:5000 ends outside it"
    )


def test_one_with_the_machines_network_is_judged_as_of_the_machine(scene: Scene) -> None:
    contained(scene, config=CONFIG)
    namespaces(scene, "net:[4026531840]")
    said = scene.examine()
    assert not [one for one in said.findings("API011") if one.severity == "error"]


def test_the_files_of_a_container_are_those_inside(scene: Scene) -> None:
    scene.write("/app/api_tokens.yml", "api_key: of-another\nadmin_key: of-another-too\n", 0o644)
    scene.write("/app/config.yml", "network: [\n")
    mount(scene)
    said = scene.examine()
    judged = {result.check.id: result.status for result in said.results}
    assert judged["CFG002"] == "passed"
    assert judged["TOK004"] == "passed"
    assert said.ids == ["CTR003"]


def test_nothing_is_unknown_of_one_that_root_sees(scene: Scene) -> None:
    mount(
        scene, (HOST_FILE, "/app/config.yml"), ("/srv/tabby/api_tokens.yml", "/app/api_tokens.yml")
    )
    record(scene)
    said = scene.examine()
    assert said.ids == []
    reasons = [one.reason or "" for one in said.results if one.status == "unknown"]
    assert not [reason for reason in reasons if "docker" in reason or "container" in reason]


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.7.20"])
def test_without_keys_and_published_to_others(scene: Scene, address: str) -> None:
    contained(scene, config=OPEN)
    mount(scene, (HOST_FILE, "/app/config.yml"))
    proxy(scene, address)
    finding = scene.examine().finding("CFG008")
    shown = f"[{address}]:5000" if ":" in address else f"{address}:5000"
    assert finding.title == f"Authentication is off at {shown}, which other machines can reach"
    first, *others = finding.remedies
    assert first.commands[0] == f"sudoedit {HOST_FILE}"
    assert not any("network.host to 127.0.0.1" in one.title for one in others)
    assert any("127.0.0.1:5000:5000" in one.title for one in others)


def test_without_keys_and_published_on_loopback(scene: Scene) -> None:
    contained(scene, config=OPEN)
    proxy(scene, "127.0.0.1")
    said = scene.examine()
    assert said.findings("CFG008") == ()
    assert said.finding("CFG009").title == "Authentication is off at 127.0.0.1:5000"


def test_without_keys_and_what_is_published_unseen(scene: Scene) -> None:
    contained(scene, config=OPEN)
    (found,) = [one for one in scene.examine().results if one.check.id == "CFG008"]
    assert found.status == "unknown"


def test_another_containers_proxy_publishes_nothing_of_it(scene: Scene) -> None:
    contained(scene, config=OPEN)
    trie = "  |-- 172.17.0.9\n     /32 host LOCAL\n"
    scene.write(f"/proc/{PID}/net/fib_trie", trie)
    record(scene)
    proxy(scene, "0.0.0.0", 8080, 8080)
    assert scene.examine().findings("CFG008") == ()


def test_a_file_inside_alone_is_edited_by_way_of_its_engine(scene: Scene) -> None:
    contained(scene, config=f"{ANYWHERE}  prot: 1\n")
    mount(scene)
    finding = scene.examine().finding("CFG003")
    commands = finding.remedies[0].commands
    assert commands[0] == (
        "(umask 077; sudo docker exec -u 0 4e4e4e4e4e4e cat /app/config.yml > ./config.yml)"
    )
    assert commands[-1] == "sudo docker restart 4e4e4e4e4e4e"
    assert "the next one made begins without" in finding.remedies[0].title


def test_a_mounted_directory_has_its_names_on_the_machine(scene: Scene) -> None:
    contained(scene, config=f"{ANYWHERE}  prot: 1\n")
    mount(scene, ("/srv/tabby", "/app"))
    finding = scene.examine().finding("CFG003")
    assert finding.evidence[0].source == "/srv/tabby/config.yml:4"


@pytest.mark.parametrize("name", ["config.yml", "api_tokens.yml"])
def test_a_bind_of_a_missing_file_made_a_directory(scene: Scene, name: str) -> None:
    place = scene.root / f"{ROOT}/app/{name}"[1:]
    place.unlink()
    place.mkdir()
    mount(scene, (f"/srv/tabby/{name}", f"/app/{name}"))
    scene.endpoint = refusing()
    said = scene.examine()
    assert said.ids[0] == "CTR001"
    assert f"sudo rmdir /srv/tabby/{name}" in told(said.finding("CTR001"))


def test_a_file_that_was_replaced_under_its_name(scene: Scene) -> None:
    mount(scene, (HOST_FILE, "/app/config.yml"))
    (scene.root / HOST_FILE[1:]).unlink()
    scene.write(HOST_FILE, f"{ANYWHERE}# newer\n")
    finding = scene.examine().finding("CTR002")
    assert finding.remedies[0].commands == ("sudo docker restart 4e4e4e4e4e4e",)


def test_a_port_that_leads_nowhere(scene: Scene) -> None:
    proxy(scene, "127.0.0.1", 5000, 8000)
    said = scene.examine()
    assert "CTR004" in said.ids
    assert said.finding("CTR004").evidence[0].actual == "to port 8000"


@pytest.mark.parametrize(
    ("test", "why"),
    [
        (["CMD-SHELL", "curl -f http://localhost:8080/health"], "asks port 8080"),
        (["CMD", "wget", "--spider", "http://localhost:5000/health"], "HEAD"),
        (["CMD", "curl", "-f", "http://localhost:5000/v1/models"], "401"),
        (["CMD", "curl", "-f", "http://localhost:5000/"], "404"),
        (["CMD", "curl", "-f", "http://localhost:5000/health"], ""),
        (["CMD-SHELL", "curl -f http://localhost:$PORT/health"], ""),
        (["CMD", "/app/healthy.sh"], ""),
        (["NONE"], ""),
    ],
)
def test_its_health_check(scene: Scene, test: list[str], why: str) -> None:
    record(scene, Healthcheck={"Test": test})
    found = scene.examine().findings("CTR006")
    assert [why in one.title for one in found] == ([True] if why else [])


def test_its_names_are_its_owners(scene: Scene) -> None:
    labels = {"com.docker.compose.project.config_files": "/srv/llm/compose.yaml",
              "com.docker.compose.service": "tabby"}  # fmt: skip
    contained(scene, config=OPEN)
    record(scene, Labels=labels)
    proxy(scene, "0.0.0.0")
    commands = [one.commands for one in scene.examine().finding("CFG008").remedies]
    assert (
        "sudoedit /srv/llm/compose.yaml",
        "sudo docker compose -f /srv/llm/compose.yaml up -d tabby",
    ) in commands


@pytest.mark.parametrize("form", ["docker", "podman"])
def test_its_output_is_its_log(scene: Scene, form: str) -> None:
    line = "WARNING:  Disabling authentication makes your instance vulnerable"
    error = "ERROR:    The YAML config from 'config.yml' couldn't load"
    if form == "docker":
        record(scene)
        said = {"stream": "stdout", "time": "2026-05-01T10:00:00.5Z"}
        entries = [json.dumps({"log": f"{one}\n", **said}) for one in (line, error)]
        scene.write(f"{RECORDS}/{ID}-json.log", "\n".join(entries), 0o640)
    else:
        contained(scene, "podman")
        words = ("/usr/bin/conmon", "-c", ID, "-n", "tabby", "-b", "/run/x", "-l",
                 "k8s-file:/run/x/ctr.log")  # fmt: skip
        scene.processes = (*scene.processes, Process(150, words, uid=0))
        stamp = "2026-05-01T10:00:00.123456789+00:00 stdout F "
        scene.write("/run/x/ctr.log", "\n".join(stamp + one for one in (line, error)), 0o600)
    finding = next(iter(scene.examine().findings("SVC011")), None)
    assert finding is not None
    assert f"{form} logs --tail 50 tabby" in told(finding)


QUADLET = """\
[Unit]
SourcePath=/etc/containers/systemd/tabbyapi.container
[Service]
ExecStart=/usr/bin/podman run --name tabbyapi --replace --rm --cgroups=split -d ghcr.io/x/tabbyapi
Type=notify
KillMode=mixed
"""


def quadlet(scene: Scene, config: str = ANYWHERE) -> None:
    """A unit that Podman's generator made, whose main process is conmon."""
    contained(scene, config=config)
    group = "/system.slice/tabbyapi.service"
    words = ("/usr/bin/conmon", "-c", ID, "-n", "tabbyapi", "-b", "/run/x", "-l", "journald")
    server = Process(PID, ("python3", "main.py"), uid=0, cwd="/app", parent=150,
                     cgroup=f"{group}/libpod-payload-{ID}", unit="tabbyapi.service")  # fmt: skip
    monitor = Process(150, words, uid=0, cgroup=f"{group}/supervisor", unit="tabbyapi.service")
    scene.processes = (server, monitor)
    scene.listeners = (Listener("127.0.0.1", 5000, 150),)
    scene.unit = QUADLET
    scene.state = {**RUNNING, "MainPID": "150", "ExecMainPID": "150", "UnitFileState": "generated",
                   "SourcePath": "/etc/containers/systemd/tabbyapi.container"}  # fmt: skip
    mount(scene, (HOST_FILE, "/app/config.yml"), ("/srv/tabby/t.yml", "/app/api_tokens.yml"))


def test_a_quadlet_is_well(scene: Scene) -> None:
    quadlet(scene)
    said = scene.examine()
    assert said.ids == []
    crossed = [one.check.id for one in said.results if one.status == "unknown"]
    assert crossed == ["API004"] or crossed == []


def test_a_quadlets_remedies_are_its_units(scene: Scene) -> None:
    quadlet(scene, f"{ANYWHERE}  prot: 1\n")
    said = scene.examine()
    assert said.ids == ["CFG003"]
    commands = said.finding("CFG003").remedies[0].commands
    assert commands == (f"sudoedit {HOST_FILE}", "sudo systemctl restart tabbyapi.service")


def test_what_a_quadlet_was_made_with_is_changed_in_it(scene: Scene) -> None:
    quadlet(scene, OPEN)
    scene.listeners = (Listener("0.0.0.0", 5000, 150),)
    remedies = scene.examine().finding("CFG008").remedies
    commands = next(one.commands for one in remedies if "127.0.0.1:5000" in one.title)
    assert commands == (
        "sudoedit /etc/containers/systemd/tabbyapi.container",
        "sudo systemctl daemon-reload",
        "sudo systemctl restart tabbyapi.service",
    )


SECRET = "ERROR:    The YAML config from 'secret' couldn't load"
STAMP = "2026-05-01T10:00:00.123456789+00:00 stdout F "


@pytest.mark.parametrize("parent", [1, 150])
def test_a_monitor_lends_no_eyes(scene: Scene, parent: int) -> None:
    """An account's conmon names the log of the container; what it names is read as that account."""
    contained(scene, "podman")
    words = ("/tmp/conmon", "-c", ID, "-n", "x", "-b", "/x", "-l", "k8s-file:/root/ctr.log")
    (server,) = scene.processes
    scene.processes = (replace(server, parent=parent), Process(150, words, uid=IVAN.uid))
    scene.write("/root/ctr.log", f"{STAMP}{SECRET}", 0o600)
    assert "secret" not in str([one.findings for one in scene.examine().results])


def test_a_record_names_no_log_of_another(scene: Scene) -> None:
    record(scene)
    path = scene.root / RECORDS[1:] / "config.v2.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "LogPath": "/root/x.log"}))
    entry = {"log": SECRET, "stream": "stdout", "time": "2026-05-01T10:00:00Z"}
    scene.write("/root/x.log", json.dumps(entry), 0o600)
    assert "secret" not in str([one.findings for one in scene.examine().results])


@pytest.mark.parametrize("own", [True, False])
def test_a_mount_of_an_accounts_own_making_leads_to_nobody_elses_file(
    scene: Scene, own: bool
) -> None:
    contained(scene, config=f"{ANYWHERE}  prot: 1\n")
    (server,) = scene.processes
    scene.processes = (replace(server, uid=IVAN.uid),)
    mount(scene, ("/etc/tokens", "/app/config.yml"))
    for pid, name in ((str(PID), "user:[4026532000]"), ("self", "user:[4026531837]")):
        (scene.root / f"proc/{pid}/ns").mkdir(parents=True, exist_ok=True)
        (scene.root / f"proc/{pid}/ns/user").symlink_to(name)
    os.chmod(scene.root / "etc/tokens", 0o644)
    os.chown(scene.root / "etc/tokens", IVAN.uid if own else 0, 0)
    said = "\n".join(told(one) for each in scene.examine().results for one in each.findings)
    assert ("/etc/tokens" in said) is own


def test_a_proxy_of_an_account_publishes_nothing(scene: Scene) -> None:
    contained(scene, config=OPEN)
    record(scene)
    proxy(scene, "0.0.0.0")
    *others, forwarder = scene.processes
    scene.processes = (*others, replace(forwarder, uid=IVAN.uid))
    assert scene.examine().findings("CFG008") == ()


def test_what_is_mounted_from_elsewhere_is_kept(scene: Scene) -> None:
    """A file system that this machine has mounted nowhere else: a network's, a volume's own."""
    mount(scene)
    rows = ["590 574 0:40 / / rw - overlay overlay rw", "600 590 0:77 / /app rw - nfs4 nas:/x rw"]
    scene.write(f"/proc/{PID}/mountinfo", "\n".join(rows))
    assert scene.examine().ids == []


def test_packages_are_installed_inside(scene: Scene) -> None:
    """What a log line asks for is done by way of the engine, never in the machine's own Python."""
    line = "ImportError: exllamav3_ext.so: undefined symbol: _ZN3c105ErrorC2E"
    scene.write(f"{ROOT}/app/logs/run.log", f"Traceback (most recent call last):\n{line}\n")
    scene.endpoint = refusing()
    first = scene.examine().finding("SVC011").remedies[0]
    assert first.commands == (
        "sudo docker exec 4e4e4e4e4e4e python3 -m pip install -U '/app[cu12]'",
        "sudo docker restart 4e4e4e4e4e4e",
    )


@pytest.mark.parametrize(
    ("owner", "mode", "told_of"),
    [(IVAN.uid, 0o600, False), (IVAN.uid, 0o644, False), (61999, 0o644, True)],
)
def test_keys_of_whoever_mounted_them(scene: Scene, owner: int, mode: int, told_of: bool) -> None:
    """With compose they are a file of the person's own: that he can read it is no finding."""
    scene.write(f"{ROOT}/app/api_tokens.yml", TOKENS, mode)
    there = "/srv/tabby/api_tokens.yml"
    mount(scene, (there, "/app/api_tokens.yml"))
    os.chown(scene.root / there[1:], owner, owner)
    found = {result.check.id: result.findings for result in scene.examine().results}
    assert bool(found["TOK004"]) is told_of


MODELS = f"{ANYWHERE}model:\n  model_dir: models\n"


@pytest.mark.parametrize(
    ("config", "inside", "place"),
    [
        (MODELS, "/usr/src/app/models", "/app/models"),
        (f"{ANYWHERE}model:\n  model_dir: /data/models\n", "/app/models", "/data/models"),
        (MODELS, "/models", "/app/models"),
        (MODELS, "/config/config.yml", "/app/config.yml"),
        (f"{ANYWHERE}lora:\n  lora_dir: loras\n", "/loras", "/app/loras"),
    ],
)
def test_what_is_mounted_where_nobody_looks(
    scene: Scene, config: str, inside: str, place: str
) -> None:
    """theroyallab/tabbyAPI 149: the volume of the models, as the project's compose file had it."""
    contained(scene, config=config)
    mount(scene, ("/srv/tabby", "/data-of-another"), ("/srv/given", inside))
    finding = scene.examine().finding("CTR008")
    assert finding.title.endswith(f" is mounted at {inside}, and TabbyAPI looks at {place}")
    assert f":{place}" in finding.remedies[0].title


@pytest.mark.parametrize("inside", ["/app/models", "/app", "/app/models/one", "/srv/other"])
def test_what_is_mounted_where_tabbyapi_looks(scene: Scene, inside: str) -> None:
    contained(scene, config=MODELS)
    mount(scene, ("/srv/given", inside))
    found = {result.check.id: result.status for result in scene.examine().results}
    assert found["CTR008"] == "passed"


@pytest.mark.parametrize(
    ("host", "remarks"), [("127.0.0.1", ["API011", "CTR007"]), ("0.0.0.0", ["CTR007"])]
)
def test_a_loopback_seen_from_inside_is_a_remark(
    tmp_path: Path, host: str, remarks: list[str]
) -> None:
    """Who outside asks is not seen there: a router in the same container is served well."""
    scene = Scene(tmp_path)
    scene.machine = Machine(systemd=False, root=True, container="docker")
    scene.targets = Targets(dir=TABBY)
    scene.write(f"{TABBY}/config.yml", CONFIG.replace("127.0.0.1", host))
    served = serving()
    address = replace(served.address, listens=(f"{host}:5000",), process_listens=True)
    scene.endpoint = replace(served, address=address)
    said = scene.examine()
    assert said.ids == []
    found = {result.check.id for result in said.results if result.status == "info"}
    assert found & {"API011", "CTR007"} == set(remarks)


def ended(scene: Scene, *said: str, binds: tuple[str, ...] = ("config.yml", "api_tokens.yml"),
          more: dict[str, object] | None = None, **state: Any) -> None:  # fmt: skip
    """Nothing runs: what the engine wrote down of it is left, with its log."""
    scene.processes, scene.listeners = (), ()
    scene.endpoint = refusing()
    shutil.rmtree(scene.root / f"proc/{PID}")
    record(scene)
    path = scene.root / RECORDS[1:] / "config.v2.json"
    known = json.loads(path.read_text())
    known["Config"]["WorkingDir"] = "/app"
    known["State"] = {"ExitCode": 1, "StartedAt": "2026-05-01T09:59:59Z", **state}
    known["MountPoints"] = {f"/app/{one}": {"Source": f"/srv/tabby/{one}"} for one in binds}
    path.write_text(json.dumps({**known, "Name": "/tabbyapi", **(more or {})}))
    scene.write("/srv/tabby/config.yml", ANYWHERE)
    scene.write("/srv/tabby/api_tokens.yml", TOKENS, 0o600)
    at = {"stream": "stderr", "time": "2026-05-01T10:00:00Z"}
    entries = [json.dumps({"log": f"{one}\n", **at}) for one in said]
    scene.write(f"{RECORDS}/{ID}-json.log", "\n".join(entries), 0o640)


OUT_OF_MEMORY = "ERROR:    torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1 GiB."


def test_one_that_has_ended_is_examined(scene: Scene) -> None:
    ended(scene, OUT_OF_MEMORY)
    said = scene.examine()
    assert said.ids[0] == "SVC011"
    finding = said.finding("CTR009")
    assert finding.title == "docker tabbyapi has ended with 1"
    assert finding.remedies[0].commands == (
        "sudo docker logs --tail 50 tabbyapi",
        "sudo docker start tabbyapi",
    )
    assert set(said.ids) <= {"SVC011", "CTR009", "API001"}


def test_its_mounted_configuration_is_judged(scene: Scene) -> None:
    ended(scene)
    scene.write("/srv/tabby/config.yml", "network:\n\tport: 1\n")
    assert scene.examine().finding("CFG002").evidence[0].source == "/srv/tabby/config.yml:2"


def test_what_is_not_mounted_is_not_judged(scene: Scene) -> None:
    """Nothing of the machine at the same path, and no defaults taken for its configuration."""
    scene.write("/app/config.yml", "network: [\n")
    ended(scene, binds=())
    said = scene.examine()
    assert said.ids == ["CTR009"]


def test_a_directory_lends_no_eyes_after_the_end(scene: Scene) -> None:
    """It may have left a link in what is mounted into it."""
    ended(scene, more={"MountPoints": {"/app": {"Source": "/srv/own"}}})
    scene.write("/etc/secret", "network: [secret\n", 0o600)
    (scene.root / "srv/own").mkdir(parents=True)
    (scene.root / "srv/own/config.yml").symlink_to("/etc/secret")
    said = scene.examine()
    assert said.ids == ["CTR009"]
    assert "secret" not in "\n".join(told(one) for each in said.results for one in each.findings)


@pytest.mark.parametrize(
    ("state", "words", "command"),
    [
        ({"ExitCode": 137, "OOMKilled": True}, "has ended: main memory ran out", ""),
        ({"ExitCode": 139}, "has ended with 139", "sudo docker logs --tail 50 tabbyapi"),
        ({"ExitCode": 3, "Running": True, "Restarting": True}, "has ended with 3", ""),
        (
            {"Error": 'could not select device driver "" with capabilities: [[gpu]]'},
            "could not be started: Docker does not know the NVIDIA Container Toolkit",
            "sudo nvidia-ctk runtime configure --runtime=docker",
        ),
        (
            {"ExitCode": 128, "Error": "failed: unresolvable CDI devices nvidia.com/gpu=all"},
            "could not be started: the description of the GPUs (CDI) is missing",
            "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml",
        ),
        (
            {"Error": "Bind for 0.0.0.0:5000 failed: port is already allocated"},
            "could not be started: its port is taken",
            "sudo ss -ltnp",
        ),
        ({"ExitCode": 128, "Error": "something new"}, "could not be started", ""),
    ],
)  # fmt: skip
def test_how_it_ended(scene: Scene, state: dict[str, Any], words: str, command: str) -> None:
    ended(scene, **state)
    finding = scene.examine().finding("CTR009")
    assert words in finding.title
    assert command in "\n".join(finding.remedies[0].commands)


def test_one_that_somebody_stopped_is_a_remark(scene: Scene) -> None:
    ended(scene, more={"HasBeenManuallyStopped": True}, ExitCode=137)
    finding = scene.examine().finding("CTR009")
    assert (finding.severity, finding.title) == ("info", "docker tabbyapi was stopped")


def test_one_that_has_ended_is_nobody_where_another_runs(scene: Scene) -> None:
    server = scene.processes
    ended(scene)
    contained(scene)
    scene.processes, scene.endpoint = server, serving()
    found = {result.check.id: result.status for result in scene.examine().results}
    assert found["CTR009"] == "skipped"


def test_a_log_of_the_last_run_takes_no_gpu_away(scene: Scene) -> None:
    """What CUDA said before the end is no word of a container that runs."""
    ended(scene, "RuntimeError: No CUDA GPUs are available")
    assert "GPU001" not in scene.examine().ids
