"""A real Docker or Podman on a machine of the lab, and TabbyAPI in a container of its own making.

Nothing is pulled: the image is a directory of the machine's, imported, with the machine's programs
mounted into it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.lab.containers import APP, CACHE_PLACE, CONFIG, HOST_DIRECTORY, TOKENS
from tests.lab.deployment import INSTALL_STAND_IN, Deployment

IMAGE = "tabbyapi:lab"
_TREE = "/var/tmp/image"


@dataclass
class Asked:
    """What is asked of the engine; `run` makes it."""

    config: str = CONFIG
    options: tuple[str, ...] = ("-p", "127.0.0.1:5000:5000")
    tokens: str | None = TOKENS
    name: str = "tabbyapi"
    environment: dict[str, str] = field(default_factory=dict)


def missing(d: Deployment, engine: str) -> str:
    """Why this engine cannot be had on the machine; empty where it can."""
    program = {"docker": "dockerd", "podman": "podman"}[engine]
    there = d.machine.run(["sh", "-c", f"command -v {program}"], check=False).returncode == 0
    return "" if there else f"{program} is not installed"


def start(d: Deployment, engine: str, *options: str) -> None:
    """Start it, and give it the image. What it sets of the kernel is its network's alone."""
    machine = d.machine
    machine.run(["sh", "-ec", "mkdir /run/own && mount -t proc proc /run/own &&"
                 " mount --bind /run/own/sys/net /proc/sys/net"])  # fmt: skip
    store = "/var/lib/docker" if engine == "docker" else "/var/lib/containers"
    machine.mkdir(store)
    machine.run(["mount", "-t", "tmpfs", "tmpfs", store])  # an overlay needs other ground than one
    if engine == "docker":
        daemon = ["dockerd", "-H", "unix:///run/docker.sock", *options]
        machine.run(["systemd-run", "--quiet", "--unit=lab-docker", *daemon])
        machine.wait_for(
            lambda: machine.run(["docker", "version"], check=False).returncode == 0, "dockerd", 30
        )
    machine.run(["mkdir", "-p", *(f"{_TREE}/{name}" for name in _DIRECTORIES)])
    for name in ("bin", "sbin", "lib", "lib64"):
        machine.run(["ln", "-sfn", f"usr/{name}", f"{_TREE}/{name}"])
    machine.run(["/usr/bin/python3", "-c", INSTALL_STAND_IN, f"{_TREE}{APP}", "current"],
                env={"PYTHONPATH": ":".join(map(str, d.installed.site_packages))})  # fmt: skip
    machine.run(["sh", "-ec", f"tar -C {_TREE} -c . | {engine} import - {IMAGE}"])


_DIRECTORIES = ("usr", "proc", "sys", "dev", "tmp", "etc", "root", f"{CACHE_PLACE[1:]}", APP[1:])


def without_unit(d: Deployment) -> None:
    """Take TabbyAPI's unit away: it is to run in a container."""
    machine = d.machine
    machine.systemctl("disable", "--quiet", "tabbyapi.service")
    machine.remove("/etc/systemd/system/tabbyapi.service", str(d.directory))
    machine.systemctl("daemon-reload")


def run(d: Deployment, engine: str, asked: Asked) -> None:
    """`docker run` of TabbyAPI, its configuration and its keys mounted from the machine.

    TabbyAPI's unit must be away (`without_unit`).
    """
    binds = ["/usr:/usr:ro", f"{CACHE_PLACE}:{CACHE_PLACE}:ro"]
    for name, text in (("config.yml", asked.config), ("api_tokens.yml", asked.tokens)):
        if text is not None:
            d.machine.write(f"{HOST_DIRECTORY}/{name}", text, mode=0o600)
            binds.append(f"{HOST_DIRECTORY}/{name}:{APP}/{name}")
    environment = {
        "TABBY_DEVELOPER_UNSAFE_LAUNCH": "true", "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/root",
        "PYTHONPATH": ":".join(map(str, d.installed.site_packages)), **asked.environment,
    }  # fmt: skip
    words = [engine, "run", "-d", "--name", asked.name, "-w", APP, *asked.options]
    words += [word for bind in binds for word in ("-v", bind)]
    words += [word for name, value in environment.items() for word in ("-e", f"{name}={value}")]
    d.machine.run([*words, IMAGE, "/usr/bin/python3", "main.py"])


def serves(d: Deployment, url: str = "http://127.0.0.1:5000/health") -> None:
    """Wait until it answers."""
    d.machine.wait_for(lambda: d.request("GET", url).status != 0, f"{url} to answer", 30)


def settled(d: Deployment, engine: str) -> None:
    """Wait until the server in it listens where nobody reaches it, or has ended."""
    template = "{{.State.Running}} {{.State.Pid}}"

    def is_so() -> bool:
        state = d.machine.run([engine, "inspect", "-f", template, "tabbyapi"]).stdout.split()
        if state[0] == "false":
            return True
        own = ["nsenter", "-n", "-t", state[1], "ss", "-ltnH"]
        return ":5000 " in d.machine.run(own, check=False).stdout

    d.machine.wait_for(is_so, "the container to listen, or to end", 20)


def run_router(d: Deployment, engine: str, source: str, *options: str) -> None:
    """A router in Python in another container, on its network `lab`, its source mounted."""
    binds = ("/usr:/usr:ro", f"{CACHE_PLACE}:{CACHE_PLACE}:ro", f"{source}:/router")
    mounts = [word for bind in binds for word in ("-v", bind)]
    given = ["-e", f"PYTHONPATH={':'.join(map(str, d.installed.site_packages))}"]
    given += ["-e", "PYTHONDONTWRITEBYTECODE=1", "-w", "/router", "-p", "127.0.0.1:8002:8002"]
    words = [engine, "run", "-d", "--name", "llm-router", *given, *mounts, *options, IMAGE]
    d.machine.run([*words, "/usr/bin/python3", "router.py"])
