"""Faults in TabbyAPI's unit."""

from __future__ import annotations

from tests.lab.deployment import API_KEY, Deployment
from tests.lab.faults.config import DOWN
from tests.lab.faults.fault import (
    command,
    edit,
    edit_router,
    fault,
    given_up,
    never_started,
    python,
    set_unit,
    settled,
    tabby_down,
)

ROUTER = "llm-router.service"
FRAGMENT = "/etc/systemd/system/tabbyapi.service"
DETACHED = "#!/bin/sh\ncd {directory}\n{python} main.py &\n"
UNTIL_IT_SERVES = """\
until curl --silent --output /tmp/health http://127.0.0.1:5000/health; do sleep 0.1; done
"""


@fault(
    "a unit that does not exist is named",
    "SVC001",
    arguments=("--unit", "tabby-prod.service"),
    consequences={"API001"},
)
def unknown_unit(d: Deployment) -> None:
    """Nothing else is wrong."""


@fault(
    "an interpreter below /root",
    "SVC002",
    consequences=DOWN,
    answers=False,
    waits_for=never_started,
)
def exec_denied(d: Deployment) -> None:
    d.machine.run(["install", "-D", "-m", "755", "/usr/bin/python3", "/root/venv/bin/python"])
    set_unit(d, "ExecStart=", "ExecStart=/root/venv/bin/python main.py")


@fault(
    "the virtual environment is gone",
    "SVC002",
    consequences={*DOWN, "GPU009"},
    answers=False,
    waits_for=never_started,
)
def venv_gone(d: Deployment) -> None:
    set_unit(d, "ExecStart=", f"ExecStart={d.directory}/venv-new/bin/python main.py")


@fault("a unit that is masked", "SVC002", consequences=DOWN, answers=False)
def masked(d: Deployment) -> None:
    d.machine.remove(FRAGMENT)
    d.machine.systemctl("mask", "--quiet", "tabbyapi.service")


@fault(
    "an account that does not exist",
    "SVC002",
    consequences=DOWN,
    answers=False,
    waits_for=never_started,
)
def no_account(d: Deployment) -> None:
    set_unit(d, "User=tabby-nobody")


@fault("main.py with a typo", "SVC007", consequences=DOWN, answers=False, waits_for=tabby_down)
def main_typo(d: Deployment) -> None:
    set_unit(d, *command(d, "./server/main.py"))


@fault(
    "killed, and not restarted",
    "SVC002",
    consequences=DOWN,
    when="running",
    waits_for=given_up,
    healthy=lambda d: set_unit(d, "Restart=no"),
)
def killed(d: Deployment) -> None:
    d.machine.run(["systemctl", "kill", "--signal=ABRT", "tabbyapi.service"])


@fault(
    "an argument that TabbyAPI does not know",
    "CFG005",
    consequences=DOWN,
    answers=False,
    waits_for=tabby_down,
)
def unknown_argument(d: Deployment) -> None:
    set_unit(d, *command(d, "main.py", "--disable-authentication", "true"))


def detached(d: Deployment, restart: str, then: str = "") -> None:
    """A wrapper that leaves the server behind and ends: systemd ends the server with it."""
    wrapped(d, DETACHED.format(directory=d.directory, python=python(d)) + then, restart)


def wrapped(d: Deployment, script: str, restart: str) -> None:
    """TabbyAPI is started by a script."""
    d.machine.write("/usr/local/bin/run-tabby", script, mode=0o755)
    set_unit(
        d, "ExecStart=", "ExecStart=/usr/local/bin/run-tabby", f"Restart={restart}", "RestartSec=3"
    )


def ended(d: Deployment) -> bool:
    """It has run, and is down; before its first start it is inactive, too."""
    since = d.machine.property("tabbyapi.service", "ExecMainExitTimestampMonotonic")
    return since != "0" and given_up(d)


def runs_again(d: Deployment) -> bool:
    """It was restarted, and runs at this moment."""
    restarts = d.machine.property("tabbyapi.service", "NRestarts")
    return restarts != "0" and d.machine.property("tabbyapi.service", "SubState") == "running"


@fault(
    "a wrapper that ends at once, again and again",
    "SVC003",
    consequences=DOWN,
    answers=False,
    waits_for=lambda d: int(d.machine.property("tabbyapi.service", "NRestarts")) > 0,
)
def loop(d: Deployment) -> None:
    detached(d, "always")


@fault(
    "a restart loop that is caught while it runs",
    "SVC003",
    consequences=DOWN,
    answers=False,
    waits_for=runs_again,
)
def loop_running(d: Deployment) -> None:
    wrapped(d, "#!/bin/sh\nsleep 4\nexit 1\n", "always")


@fault("a wrapper that ends at once", "SVC004", consequences=DOWN, answers=False, waits_for=ended)
def ends_quietly(d: Deployment) -> None:
    detached(d, "no")


@fault(
    "a wrapper that ends once TabbyAPI serves",
    "SVC004",
    consequences=DOWN,
    answers=False,
    waits_for=ended,
)
def ends_served(d: Deployment) -> None:
    """TabbyAPI takes its end for a stop, and says so."""
    detached(d, "no", UNTIL_IT_SERVES)


@fault("not enabled", "SVC006", when="running")
def not_enabled(d: Deployment) -> None:
    d.machine.systemctl("disable", "--quiet", "tabbyapi.service")


@fault("started by hand beside its unit", "SVC006", when="running")
def beside_unit(d: Deployment) -> None:
    d.machine.systemctl("stop", "tabbyapi.service")
    shell = f"umask 077; cd {d.directory}; exec setsid {python(d)} main.py >/tmp/out 2>&1 &"
    d.machine.run(["sh", "-c", shell], user=d.user, env={"TABBY_DEVELOPER_UNSAFE_LAUNCH": "true"})
    d.wait_ready()


@fault("unit changed, not reloaded", "SVC005", when="running", fix=("SVC005",))
def reload_needed(d: Deployment) -> None:
    d.machine.write(FRAGMENT, f"{d.machine.read(FRAGMENT)}\n# changed\n")


@fault(
    "an environment file is missing",
    "SVC009",
    consequences=DOWN,
    answers=False,
    waits_for=tabby_down,
)
def environment_file(d: Deployment) -> None:
    set_unit(d, "EnvironmentFile=/etc/tabby.env")


@fault(
    "the router's environment file is missing",
    "SVC009",
    consequences={"RTR010"},
    answers=False,
    waits_for=lambda d: (
        d.machine.property(ROUTER, "ActiveState") == "failed"
        and d.request("GET", "http://127.0.0.1:5000/health").status == 200
    ),
)
def router_environment_file(d: Deployment) -> None:
    set_unit(d, "EnvironmentFile=/etc/llm-router.env", unit=ROUTER)
    d.machine.systemctl("daemon-reload")
    d.machine.systemctl("start", "tabbyapi.service", "sglang.service", "llamacpp.service")


@fault(
    "logs/ that a start as root left behind",
    "SVC014",
    consequences=DOWN,
    answers=False,
    waits_for=tabby_down,
)
def logs_of_root(d: Deployment) -> None:
    d.machine.run(["install", "-d", "-o", "root", "-m", "755", f"{d.directory}/logs"])


@fault(
    "PrivateNetwork in the unit",
    "SVC012",
    consequences=DOWN,
    answers=False,
    waits_for=lambda d: d.machine.property("tabbyapi.service", "ActiveState") == "active",
)
def private_network(d: Deployment) -> None:
    set_unit(d, "PrivateNetwork=yes")


@fault(
    "the wrong working directory", "SVC007", consequences=DOWN, answers=False, waits_for=tabby_down
)
def working_directory(d: Deployment) -> None:
    set_unit(d, f"WorkingDirectory=/home/{d.user}")


@fault(
    "no such working directory", "SVC007", consequences=DOWN, answers=False, waits_for=tabby_down
)
def no_directory(d: Deployment) -> None:
    set_unit(d, "WorkingDirectory=/srv/TabbyAPI")


@fault(
    "the files lie beside a main.py elsewhere",
    "SVC007",
    consequences={"CFG001", "TOK001", "TOK005", "API005", "API006", "RTR005", "RTR010"},
)
def files_elsewhere(d: Deployment) -> None:
    d.machine.mkdir("/srv/tabby", owner=d.user)
    set_unit(d, "WorkingDirectory=/srv/tabby", *command(d, f"{d.directory}/main.py"))


@fault("a key in Environment=", "RTR009", also=("SVC008",))
def exposed_secret(d: Deployment) -> None:
    set_unit(d, f"Environment=TABBY_API_KEY={API_KEY}", unit=ROUTER)


@fault("a secret in TabbyAPI's unit", "SVC008", fix=("SVC008",))
def exposed_token(d: Deployment) -> None:
    set_unit(d, "Environment=HF_TOKEN=hf_abcdefghijklmnopqrstuvwxyz012345")


@fault(
    "auth switched off, not restarted",
    "SVC010",
    when="running",
    fix=("SVC010",),
    consequences={"API004"},
    shows=frozenset({"API004"}),
)
def not_restarted(d: Deployment) -> None:
    settled(d)
    edit(d, "disable_auth: false", "disable_auth: true")


@fault(
    "a port changed, not restarted",
    "SVC010",
    when="running",
    consequences={"API003", "RTR013", "RTR010"},
)
def port_changed(d: Deployment) -> None:
    settled(d)
    edit(d, "port: 5000", "port: 5055")


@fault(
    "a generation failed for good",
    "SVC011",
    consequences={"API007"},
    shows=frozenset({"API007"}),
    stand_in="a failed generation needs a GPU",
)
def unhealthy(d: Deployment) -> None:
    set_unit(d, "Environment=STANDIN_UNHEALTHY=CUDA-error")


@fault("no writable and executable memory", "SVC012", fix=("SVC012",))
def memory(d: Deployment) -> None:
    set_unit(d, "MemoryDenyWriteExecute=yes")


@fault(
    "a home that is read-only",
    "SVC012",
    consequences={*DOWN, "TOK007"},
    answers=False,
    waits_for=given_up,
    fix=("SVC012",),
)
def home_read_only(d: Deployment) -> None:
    set_unit(d, "ProtectHome=read-only")


@fault(
    "a home that is hidden",
    "SVC012",
    answers=False,
    waits_for=given_up,
    consequences={*DOWN, "SVC007", "TOK007", "CFG002"},
    fix=("SVC012",),
)
def home_hidden(d: Deployment) -> None:
    set_unit(d, "ProtectHome=yes")


@fault(
    "homes that are empty",
    "SVC012",
    answers=False,
    waits_for=given_up,
    consequences={*DOWN, "SVC007", "TOK007", "CFG002"},
    fix=("SVC012",),
)
def home_empty(d: Deployment) -> None:
    set_unit(d, "ProtectHome=tmpfs")


@fault(
    "homes that are empty but for a directory that is read-only",
    "SVC012",
    answers=False,
    waits_for=given_up,
    consequences={*DOWN, "TOK007"},
    fix=("SVC012",),
)
def home_bound_read_only(d: Deployment) -> None:
    """An empty list of mounts would empty both, and its directory be gone."""
    set_unit(
        d, "ProtectHome=tmpfs", f"BindReadOnlyPaths={d.directory} /etc/ssl", "BindPaths=/srv:/mnt"
    )


@fault(
    "a working directory that is read-only",
    "SVC012",
    answers=False,
    waits_for=given_up,
    consequences={*DOWN, "TOK007"},
    fix=("SVC012",),
)
def directory_read_only(d: Deployment) -> None:
    """On the same path ReadWritePaths= has no effect; the home is read-only beside it."""
    set_unit(d, f"ReadOnlyPaths=/srv {d.directory}", "ProtectHome=read-only")


@fault(
    "a directory above it that is read-only",
    "SVC012",
    answers=False,
    waits_for=given_up,
    consequences={*DOWN, "TOK007"},
    fix=("SVC012",),
)
def parent_read_only(d: Deployment) -> None:
    set_unit(d, f"ReadOnlyPaths=/home/{d.user}", "MemoryDenyWriteExecute=yes")


@fault(
    "a system that is read-only",
    "SVC012",
    answers=False,
    waits_for=given_up,
    consequences={*DOWN, "TOK007"},
    fix=("SVC012",),
    deploy={"config": None},
)
def system_read_only(d: Deployment) -> None:
    """All but the homes: its directory is below /srv."""
    directory = "/srv/tabby-data"
    d.machine.mkdir(directory, owner=d.user)
    d.machine.mkdir(f"{directory}/models", owner=d.user)
    d.machine.run(["mv", d.tokens, directory])
    edit_router(d, (str(d.tokens), f"{directory}/api_tokens.yml"))
    line = command(d, f"{d.directory}/main.py", "--host", "127.0.0.1", "--port", "5000")
    set_unit(d, f"WorkingDirectory={directory}", *line, "ProtectSystem=strict")


@fault(
    "a directory above it that is inaccessible",
    "SVC012",
    answers=False,
    waits_for=given_up,
    consequences={*DOWN, "SVC007", "TOK007", "CFG002"},
    fix=("SVC012",),
)
def parent_inaccessible(d: Deployment) -> None:
    set_unit(d, f"InaccessiblePaths=/srv /home/{d.user}")


@fault(
    "an empty directory in its place",
    "SVC012",
    answers=False,
    waits_for=given_up,
    consequences={*DOWN, "SVC007", "TOK007", "CFG002"},
    fix=("SVC012",),
)
def parent_empty(d: Deployment) -> None:
    set_unit(d, f"TemporaryFileSystem=/home/{d.user}:ro")
