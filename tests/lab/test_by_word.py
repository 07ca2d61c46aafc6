"""An account that runs something and says it is TabbyAPI: its word opens nothing of root's.

In a user namespace of its own anybody has any directory and any script: /proc tells what it says.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from tests.lab.deployment import API_KEY, DATA, Deploy
from tests.lab.machine import Machine
from tests.lab.test_hostile import PLANTED, ROOTS_OWN, SECRET, _keeps_secrets, _pasted

STEPS: tuple[tuple[str, ...], ...] = (
    *(("fix", id) for id in ("TOK004", "TOK005", "TOK007")),
    ("fix", "--all-safe"),
    *(("fix", "--auth", "--strategy", one) for one in ("router-tokens", "router-env")),
    ("fix", "--auth", "--strategy", "disable-auth"),
)
SEEN = "/home/mallory/seen.jsonl"
OWN = "/home/mallory/T"


@dataclass(frozen=True)
class Disguise:
    """What a process seems to run."""

    directory: str
    script: str = "main.py"
    arguments: Sequence[str] = ()


DISGUISES: Mapping[str, Disguise] = {
    "in a directory of root's": Disguise("/root/other"),
    "a program of root's": Disguise(OWN, "/root/other/main.py"),
    "a configuration of root's": Disguise(OWN, arguments=("--config", "/etc/shadow")),
    "root's keys as configuration": Disguise(
        OWN, arguments=("--config", "/root/other/api_tokens.yml")
    ),
    "a new file of root's": Disguise(OWN, arguments=("--config", "/etc/sudoers.d/new")),
}


@pytest.mark.parametrize("name", DISGUISES)
def test_what_a_process_says_opens_nothing_of_roots(deploy: Deploy, name: str) -> None:
    deployment = deploy(router="broken")
    machine = deployment.machine
    machine.remove("/etc/systemd/system/tabbyapi.service")
    machine.systemctl("daemon-reload")
    for path in ("/root/other", "/root/other/common", "/etc/sudoers.d"):
        machine.mkdir(path, mode=0o755)
    machine.write("/root/other/common/config_models.py", "")
    machine.write("/root/other/api_tokens.yml", SECRET, mode=0o644)
    machine.run(["chmod", "700", "/root"])
    _disguised(machine, DISGUISES[name])
    watched = (*ROOTS_OWN, "/etc/sudoers.d")
    before = machine.snapshot(watched)

    checked = deployment.doctor("check", "--format", "json")
    assert "mallory" in checked.stdout, "it was not taken for TabbyAPI: the test proves nothing"
    for step in STEPS:
        done = deployment.doctor(*step, "--yes", "--ready-timeout", "1")
        print(done.exit_code, *step)
        _keeps_secrets(done, " ".join(step))
        assert machine.snapshot(watched) == before, f"{step} changed what is root's"
        _handed_over_nothing(machine, PLANTED, " ".join(step))
    pasted = _pasted(deployment)
    assert machine.snapshot(watched) == before, f"pasting one of {pasted} changed what is root's"
    _handed_over_nothing(machine, PLANTED, "pasting")


def test_in_place_of_a_unit_that_is_stopped(deploy: Deploy) -> None:
    """The tokens are open to all, in a home that is not."""
    deployment = deploy(router="broken")
    machine = deployment.machine
    machine.systemctl("stop", "tabbyapi.service")
    machine.run(["chmod", "700", "/home/ivan"])
    machine.run(["chmod", "755", str(deployment.directory)])
    machine.run(["chmod", "644", f"{deployment.directory}/api_tokens.yml"])
    _disguised(machine, Disguise(str(deployment.directory)), hidden="/home/ivan")

    deployment.doctor("check")

    _handed_over_nothing(machine, (API_KEY,), "check")


def _disguised(machine: Machine, disguise: Disguise, hidden: str = "/root") -> None:
    """Mallory's own server, run in a mount namespace where `hidden` is what it likes."""
    machine.useradd("mallory")
    server = (DATA / "hostile.py.txt").read_text().replace('"seen.jsonl"', repr(SEEN))
    machine.write("/home/mallory/server.py", server, mode=0o644)
    machine.run(["mkdir", "-p", f"{OWN}/common"], user="mallory")
    machine.run(["cp", "/home/mallory/server.py", f"{OWN}/main.py"], user="mallory")
    machine.run(["touch", f"{OWN}/common/config_models.py"], user="mallory")
    where = shlex.quote(disguise.directory)
    run = shlex.join(["/usr/bin/python3", disguise.script, *disguise.arguments])
    inside = (
        f"mount -t tmpfs none {hidden} && mkdir -p {where}/common /root/other; "
        f"for d in {where} /root/other; do cp /home/mallory/server.py $d/main.py; done; "
        f"touch {where}/common/config_models.py; cd {where} && exec {run}"
    )
    start = f"unshare -Urm bash -c {shlex.quote(inside)} >/home/mallory/log 2>&1 &"
    machine.run(["bash", "-c", f"setsid {start}"], user="mallory")
    asked = ["curl", "-sf", "http://127.0.0.1:5000/health"]
    machine.wait_for(lambda: machine.run(asked, check=False).returncode == 0, "its server")


def _handed_over_nothing(machine: Machine, keys: Sequence[str], what: str) -> None:
    words = " ".join(f"-e {shlex.quote(key)}" for key in keys)
    readable = "/home/mallory /opt/llm-router /etc /tmp /var/lib"
    reads = machine.run(["bash", "-c", f"grep -D skip -rsl {words} {readable}; true"])
    assert machine.exists(SEEN), "its server was asked nothing: the test proves nothing"
    assert reads.stdout == "", f"{what} handed a key over: {reads.stdout}"
