"""A container on a machine of the lab: made by namespaces, mounts and a control group, as an engine
makes one, with the engine's marks that are seen from outside (its scope, its proxy, its files)."""

from __future__ import annotations

import json
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.deployment import ADMIN_KEY, API_KEY, DATA, INSTALL_STAND_IN, Deployment

ID = "4b1d" * 16
ADDRESS = "172.17.0.2"
BRIDGE = "172.17.0.1"
APP = "/app"
HOST_DIRECTORY = "/srv/tabby"
CONFIG = "network:\n  host: 0.0.0.0\n  port: 5000\nmodel:\n  model_dir: models\n"
TOKENS = f"api_key: {API_KEY}\nadmin_key: {ADMIN_KEY}\n"


@dataclass
class Container:
    """What is asked of the engine; `run` makes it."""

    engine: str = "docker"
    name: str = "tabbyapi"
    published: tuple[str, int, int] | None = ("127.0.0.1", 5000, 5000)
    """Host address, host port, port inside."""
    config: str | None = CONFIG
    config_mounted: bool = True
    tokens: str | None = TOKENS
    tokens_mounted: bool = True
    user: str = "root"
    host_network: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    mounts: tuple[str, ...] = ()
    described: bool = True
    """Whether the engine keeps its files (config.v2.json, the log) where root can read them."""
    labels: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    """Files of TabbyAPI's in whose place the engine made directories, and mounted these."""
    tokens_mode: int = 0o600
    tokens_group: str = ""
    health_test: tuple[str, ...] = ()

    @property
    def scope(self) -> str:
        return f"{'libpod' if self.engine == 'podman' else 'docker'}-{ID}.scope"

    @property
    def home(self) -> str:
        """The engine's directory of the container."""
        if self.engine == "podman":
            return f"/var/lib/containers/storage/overlay-containers/{ID}/userdata"
        return f"/var/lib/docker/containers/{ID}"


def run(d: Deployment, container: Container) -> None:
    """Take TabbyAPI's unit away, and run it in that container instead."""
    machine = d.machine
    machine.systemctl("disable", "--quiet", "tabbyapi.service")
    machine.remove("/etc/systemd/system/tabbyapi.service", str(d.directory))
    machine.systemctl("daemon-reload")
    layers = f"/var/lib/docker/overlay2/{ID}"
    image = f"{layers}/merged{APP}"
    machine.mkdir(image)
    machine.run(["/usr/bin/python3", "-c", INSTALL_STAND_IN, image, "current"],
                env={"PYTHONPATH": ":".join(map(str, d.installed.site_packages))})  # fmt: skip
    machine.run(["ln", "-sfn", d.installed.python, f"{image}/python"])
    binds = [*container.mounts]
    for name, text, mounted in (
        ("config.yml", container.config, container.config_mounted),
        ("api_tokens.yml", container.tokens, container.tokens_mounted),
    ):
        if text is None:
            continue
        place = f"{HOST_DIRECTORY}/{name}" if mounted else f"{layers}/merged{APP}/{name}"
        mode = container.tokens_mode if name == "api_tokens.yml" else 0o644
        owner = "root" if container.user == "root" else container.user
        machine.write(place, text, mode=mode)
        group = container.tokens_group if name == "api_tokens.yml" else ""
        machine.run(["chown", f"{owner}:{group}" if group else owner, place])
        if mounted:
            binds.append(f"{place}:{APP}/{name}")
    for name in container.directories:
        machine.mkdir(f"{HOST_DIRECTORY}/{name}")
        binds.append(f"{HOST_DIRECTORY}/{name}:{APP}/{name}")
    if container.user != "root":
        machine.run(["chown", "-R", container.user, f"{layers}/merged{APP}"])
    if container.described:
        _describe(d, container)
    _start(d, container, f"{layers}/merged", binds)


def _start(d: Deployment, container: Container, root: str, binds: Sequence[str]) -> None:
    machine = d.machine
    machine.write("/opt/engine/container.sh", (DATA / "container.sh").read_text(), mode=0o755)
    network = [] if container.host_network else ["--net"]
    environment = {
        "TABBY_DEVELOPER_UNSAFE_LAUNCH": "true", "HOME": "/root",
        "PATH": "/usr/local/bin:/usr/bin:/bin", "container": container.engine,
        "PYTHONPATH": ":".join(map(str, d.installed.site_packages)),
        "PYTHONDONTWRITEBYTECODE": "1", **container.environment,
    }  # fmt: skip
    if container.host_network:
        environment["CONTAINER_SHARES_NETWORK"] = "1"
    if container.nodes:
        environment["CONTAINER_NODES"] = " ".join(container.nodes)
    words = [
        "systemd-run", "--scope", "--quiet", f"--unit={container.scope}",
        "env", "-i", *(f"{name}={value}" for name, value in environment.items()),
        "unshare", "--mount", "--propagation=private", "--pid", "--fork", "--uts", "--ipc",
        *network, "bash", "/opt/engine/container.sh", root, APP, container.user,
        *binds, *_cache(d), "--", "/usr/bin/python3", "main.py", *container.arguments,
    ]  # fmt: skip
    log = f"{container.home}/output"
    line = f"setsid {shlex.join(words)} >{shlex.quote(log)} 2>&1 </dev/null &"
    machine.mkdir(container.home)
    machine.run(["sh", "-c", line])
    machine.wait_for(lambda: _server(d) != "", "the container's TabbyAPI to start", 20)
    if not container.host_network:
        _connect(d)
        if container.engine == "podman":
            monitor(d, container)
        if container.published:
            publish(d, container)


def _cache(d: Deployment) -> list[str]:
    """What the project is installed in lies on a mount of its own: it is bound into the root."""
    return [f"{place}:{place}" for place in map(str, (CACHE_PLACE,))]


CACHE_PLACE = "/var/cache/tabbydoctor-lab"


def _server(d: Deployment) -> str:
    found = d.machine.run(["pgrep", "-f", "^/usr/bin/python3 main.py"], check=False).stdout.split()
    return found[0] if found else ""


def root_of(d: Deployment) -> str:
    """The container's file system, as the machine has it."""
    return f"/proc/{_server(d)}/root"


def _connect(d: Deployment) -> None:
    """A bridge, and a pair of interfaces across it, as Docker's default network has them."""
    steps = f"""
    ip link show docker0 >/dev/null 2>&1 || {{
        ip link add docker0 type bridge && ip address add {BRIDGE}/16 dev docker0
        ip link set docker0 up
    }}
    ip link add veth0 type veth peer name eth0 netns {_server(d)}
    ip link set veth0 master docker0 up
    nsenter -t {_server(d)} -n sh -c 'ip address add {ADDRESS}/16 dev eth0 && ip link set eth0 up'
    """
    d.machine.run(["sh", "-ec", steps])


PROGRAMS = ("/usr/bin/docker-proxy", "/usr/bin/rootlessport", "/usr/bin/conmon")


def publish(d: Deployment, container: Container) -> None:
    """What the engine leaves running: a docker-proxy of the port, or a rootless Podman's own."""
    _build(d)
    address, port, inner = container.published or ("127.0.0.1", 5000, 5000)
    if container.engine == "podman":
        forward = f"FORWARD={address} {port} {ADDRESS} {inner}"
        words = ["env", forward, *_as_owner(container), "rootlessport"]
    else:
        words = [
            "/usr/bin/docker-proxy", "-proto", "tcp", "-host-ip", address, "-host-port", str(port),
            "-container-ip", ADDRESS, "-container-port", str(inner), "-use-listen-fd",
        ]  # fmt: skip
    _leave_running(d, words)
    d.machine.wait_for(
        lambda: f":{port}" in d.machine.run(["ss", "-ltnH"]).stdout, f"port {port} to open", 10
    )


def monitor(d: Deployment, container: Container) -> None:
    """conmon, with the arguments that Podman gives it."""
    _build(d)
    log = f"k8s-file:{container.home}/ctr.log"
    words = [
        *_as_owner(container), "/usr/bin/conmon", "--api-version", "1", "-c", ID, "-u", ID,
        "-r", "/usr/bin/crun", "-b", container.home, "-n", container.name, "-l", log,
    ]  # fmt: skip
    _leave_running(d, words)


def _as_owner(container: Container) -> list[str]:
    if container.user == "root":
        return []
    return ["setpriv", f"--reuid={container.user}", f"--regid={container.user}", "--clear-groups"]


def _leave_running(d: Deployment, words: Sequence[str]) -> None:
    d.machine.run(["sh", "-c", f"setsid {shlex.join(words)} >/dev/null 2>&1 </dev/null &"])


def _build(d: Deployment) -> None:
    program = PROGRAMS[0]
    if not d.machine.exists(program):
        with tempfile.TemporaryDirectory() as scratch:
            built = Path(scratch, "docker-proxy")
            source = Path(scratch, "docker-proxy.c")
            source.write_text((DATA / "docker-proxy.c.txt").read_text())
            subprocess.run(["gcc", "-O1", "-o", built, source], check=True)
            for each in PROGRAMS:
                d.machine.write(each, built.read_bytes(), mode=0o755)


def _describe(d: Deployment, container: Container) -> None:
    """The files that the engine keeps of a container: Docker's config.v2.json and hostconfig."""
    machine = d.machine
    published = container.published
    ports = (
        {f"{published[2]}/tcp": [{"HostIp": published[0], "HostPort": str(published[1])}]}
        if published
        else {}
    )
    mounts = {
        bind.split(":")[1]: {"Source": bind.split(":")[0], "Destination": bind.split(":")[1],
                             "RW": True, "Type": "bind"}
        for bind in container.mounts
    }  # fmt: skip
    config = {
        "ID": ID,
        "Name": f"/{container.name}",
        "Config": {
            "Healthcheck": {"Test": list(container.health_test)} if container.health_test else None,
            "Image": "tabbyapi:local", "Labels": container.labels, "User": container.user,
            "Env": [f"{name}={value}" for name, value in container.environment.items()],
        },
        "MountPoints": mounts,
        "LogPath": f"{container.home}/{ID}-json.log",
        "Driver": "overlay2",
        "NetworkSettings": {"Ports": ports},
    }  # fmt: skip
    host = {
        "NetworkMode": "host" if container.host_network else "default",
        "PortBindings": ports,
        "RestartPolicy": {"Name": "unless-stopped"},
        "LogConfig": {"Type": "json-file"},
    }
    if container.engine == "docker":
        machine.mkdir(container.home, mode=0o710)
        machine.write(f"{container.home}/config.v2.json", json.dumps(config), mode=0o600)
        machine.write(f"{container.home}/hostconfig.json", json.dumps(host), mode=0o600)
