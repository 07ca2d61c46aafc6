"""A service's account that is hostile to root: nobody gains by root's doctor.

In the place of one of its files the account puts a way to something of root's; then every command
of the doctor is run by root, and every remedy that it prints is pasted.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from tabbydoctor import plugins
from tests.lab.deployment import DATA, Deploy, Deployment, DoctorRun
from tests.lab.machine import Machine
from tests.lab.snapshot import FileState

PLANTED = ("aa11bb22cc33dd44ee55ff6600778899", "99887766554433221100ffeeddccbbaa")
SECRET = f"api_key: {PLANTED[0]}\nadmin_key: {PLANTED[1]}\n"
SHOWN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
"""A key in a log of root's that everybody may read: closing that log would be root's own doing."""
OTHER = "/root/other/api_tokens.yml"
ROOTS_OWN = (
    "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/profile", "/etc/ssl", "/etc/pam.d",
    "/root/other", "/usr/bin/mount", "/usr/bin/su", "/var/log/roots",
)  # fmt: skip
"""What is no part of the deployment, directories with all that is in them."""
ABOUT_FILES = ("TOK004", "TOK005", "TOK007", "CFG003", "CFG004", "SVC008", "RTR001", "RTR005")
STEPS: tuple[tuple[str, ...], ...] = (
    *(("fix", id) for id in ABOUT_FILES),
    ("fix", *(check.id for check in plugins.checks() if check.cure)),
    ("fix", "--all-safe"),
    ("fix", "--auth"),
    ("fix", "--auth", "--strategy", "router-tokens"),
    ("fix", "--auth", "--strategy", "router-env"),
    ("fix", "--auth", "--strategy", "disable-auth"),
    ("undo",),
)
READABLE = "/home/ivan /opt/llm-router /etc /tmp /run/tabbydoctor /var/lib/tabbydoctor"
"""Where something of root's could have come to lie."""
_ENDS_THE_MACHINE = ("reboot", "poweroff", "nvidia-smi", "modprobe", "kill ", "pip ")


@dataclass(frozen=True)
class Trap:
    """One thing that the account puts in the place of another."""

    place: str
    """Below its home; what stands there is moved away."""
    spring: Callable[[Machine, str], object]
    """Lays it; of what only root can make (a hard link, a mount), root's own mistake."""


def link(target: str) -> Callable[[Machine, str], object]:
    return lambda machine, path: machine.run(["ln", "-sT", target, path], user="ivan")


def chain(target: str) -> Callable[[Machine, str], object]:
    def lay(machine: Machine, path: str) -> None:
        machine.run(["ln", "-sT", target, "/home/ivan/second"], user="ivan")
        machine.run(["ln", "-sT", "second", "/home/ivan/first"], user="ivan")
        machine.run(["ln", "-sT", "/home/ivan/first", path], user="ivan")

    return lay


def hard_link(target: str) -> Callable[[Machine, str], object]:
    return lambda machine, path: machine.run(["ln", "-T", target, path])


def bind(target: str) -> Callable[[Machine, str], object]:
    def lay(machine: Machine, path: str) -> None:
        directory = machine.run(["test", "-d", target], check=False).returncode == 0
        machine.run(["mkdir" if directory else "touch", path], user="ivan")
        machine.run(["mount", "--bind", target, path])

    return lay


def moved(machine: Machine, path: str) -> None:
    """A file that root keeps in the account's home, closed to it: it may rename it."""
    machine.write("/home/ivan/kept", SECRET, mode=0o600)
    machine.run(["mv", "-T", "/home/ivan/kept", path], user="ivan")


TOKENS, CONFIG, LOGS = "TabbyAPI/api_tokens.yml", "TabbyAPI/config.yml", "TabbyAPI/logs"
TRAPS: Mapping[str, Trap] = {
    "tokens link to passwd": Trap(TOKENS, link("/etc/passwd")),
    "tokens link to profile": Trap(TOKENS, link("/etc/profile")),
    "tokens link to other keys": Trap(TOKENS, link(OTHER)),
    "tokens link to a program": Trap(TOKENS, link("/usr/bin/mount")),
    "tokens are a chain to passwd": Trap(TOKENS, chain("/etc/passwd")),
    "tokens are a chain to other keys": Trap(TOKENS, chain(OTHER)),
    "tokens are a hard link to other keys": Trap(TOKENS, hard_link(OTHER)),
    "tokens are a hard link to passwd": Trap(TOKENS, hard_link("/etc/passwd")),
    "tokens are mounted from other keys": Trap(TOKENS, bind(OTHER)),
    "tokens are mounted from passwd": Trap(TOKENS, bind("/etc/passwd")),
    "tokens were root's, moved": Trap(TOKENS, moved),
    "directory links to root's": Trap("TabbyAPI", link("/root/other")),
    "directory links to an empty one of root's": Trap("TabbyAPI", link("/root/other/empty")),
    "directory is mounted from root's": Trap("TabbyAPI", bind("/root/other")),
    "config links to other keys": Trap(CONFIG, link(OTHER)),
    "config is a hard link to passwd": Trap(CONFIG, hard_link("/etc/passwd")),
    "logs link to root's": Trap(LOGS, link("/var/log/roots")),
    "logs are mounted from root's": Trap(LOGS, bind("/var/log/roots")),
    "stray tokens link to other keys": Trap("TabbyAPI/api_keys.yml", link(OTHER)),
    "environment file links to other keys": Trap("tabby.env", link(OTHER)),
    "environment file is a hard link to passwd": Trap("tabby.env", hard_link("/etc/passwd")),
    "router's source links to root's": Trap("router/router.py", link("/root/other/router.py")),
    "router's directory is mounted": Trap("router", bind("/root/other")),
}


@pytest.mark.parametrize("name", TRAPS)
def test_nobody_gains(deploy: Deploy, name: str) -> None:
    deployment = _deployed(deploy)
    machine, trap = deployment.machine, TRAPS[name]
    _sprung(machine, trap)
    before = _roots_own(machine)

    for step in STEPS:
        begun = time.monotonic()
        confirm = ("--yes", "--ready-timeout", "1") if step[0] == "fix" else ()
        done = deployment.doctor(*step, *confirm)
        print(f"{time.monotonic() - begun:5.1f} s {done.exit_code} {' '.join(step)}")
        assert "Traceback" not in done.stdout + done.stderr
        _keeps_secrets(done, " ".join(step))
        assert _roots_own(machine) == before, f"{name}: {step} changed what is root's"
    pasted = _pasted(deployment)
    assert _roots_own(machine) == before, f"{name}: pasting one of {pasted} changed what is root's"
    _handed_over_nothing(machine)
    print(f"{name}: {len(STEPS)} commands, {len(pasted)} pasted lines")


def _deployed(deploy: Deploy) -> Deployment:
    """Running: the account's own program in TabbyAPI's place, its router in its home."""
    deployment = deploy(router="broken")
    machine = deployment.machine
    machine.mkdir("/root/other", mode=0o700)
    machine.write(OTHER, SECRET, mode=0o600)
    machine.write("/root/other/router.py", machine.read(deployment.router), mode=0o600)
    machine.mkdir("/root/other/empty", mode=0o700)
    machine.mkdir("/var/log/roots", mode=0o755)
    machine.write("/var/log/roots/a.log", f"Your API key is: {SHOWN}\n", mode=0o644)
    machine.write(f"{deployment.directory}/main.py", (DATA / "hostile.py.txt").read_text())
    machine.run(["chown", "-R", "ivan:ivan", str(deployment.directory)])
    machine.mkdir("/home/ivan/router", owner="ivan:ivan")
    machine.run(["cp", str(deployment.router), "/home/ivan/router/router.py"])
    machine.run(["chown", "ivan:ivan", "/home/ivan/router/router.py"])
    machine.write("/home/ivan/tabby.env", "TABBY_LOG=1\n", mode=0o600)
    machine.run(["chown", "ivan:ivan", "/home/ivan/tabby.env"])
    machine.dropin("tabbyapi.service", "[Service]\nEnvironmentFile=-/home/ivan/tabby.env\n")
    interpreter = machine.property("llm-router.service", "ExecStart").split("path=")[1].split()[0]
    start = f"ExecStart=\nExecStart={interpreter} /home/ivan/router/router.py"
    machine.dropin("llm-router.service", f"[Service]\n{start}\n")
    deployment.start()
    machine.wait_for(
        lambda: deployment.request("GET", "http://127.0.0.1:5000/health").status == 200, "hostile"
    )
    return deployment


def _sprung(machine: Machine, trap: Trap) -> None:
    path = f"/home/ivan/{trap.place}"
    if machine.exists(path):
        machine.run(["mv", "-T", path, f"{path}.aside"], user="ivan")
    trap.spring(machine, path)


def _roots_own(machine: Machine) -> dict[str, FileState]:
    return machine.snapshot(ROOTS_OWN)


def _keeps_secrets(done: DoctorRun, what: str) -> None:
    for key in PLANTED:
        assert key not in done.stdout + done.stderr, f"{what} shows a key of root's"


def _pasted(deployment: Deployment) -> list[str]:
    """Every command that `check` prints, run by root as it is printed."""
    machine = deployment.machine
    checked = deployment.doctor("check", "--format", "json")
    _keeps_secrets(checked, "check")
    _keeps_secrets(deployment.doctor("check", "--verbose"), "check --verbose")
    commands = [
        command
        for check in checked.document["checks"]
        for finding in check["findings"]
        for remedy in finding["remedies"]
        for command in remedy["commands"]
        if not any(word in command for word in _ENDS_THE_MACHINE)
    ]
    for command in dict.fromkeys(commands):
        machine.run(
            ["timeout", "20", "bash", "-c", command],
            env={"EDITOR": "/usr/bin/true", "SYSTEMD_EDITOR": "/usr/bin/true"},
            input="", timeout=60, check=False,
        )  # fmt: skip
    return commands


def _handed_over_nothing(machine: Machine) -> None:
    """No key of root's in what the account's server was sent, nor in any file it may read."""
    seen = machine.run(["cat", "/home/ivan/TabbyAPI/seen.jsonl"], check=False).stdout
    seen += machine.run(["cat", "/home/ivan/TabbyAPI.aside/seen.jsonl"], check=False).stdout
    assert seen, "the account's server was asked nothing: the test proves nothing"
    assert not any(key in seen for key in PLANTED), "the account's server was sent a key of root's"
    # What root mounted there is root's own doing: only what the account can read counts.
    words = " ".join(f"-e {shlex.quote(key)}" for key in PLANTED)
    reads = machine.run(["bash", "-c", f"grep -D skip -rsl {words} {READABLE}; true"], user="ivan")
    assert reads.stdout == "", f"the account can read a key of root's: {reads.stdout}"
    kept = machine.run(["bash", "-c", f"grep -rl {words} /etc/tabbydoctor; true"])
    assert kept.stdout == "", f"a credential holds a key of root's: {kept.stdout}"
