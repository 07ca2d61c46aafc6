"""The README's install, as written: `sudo tabbydoctor` is found, and what is printed works."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.lab.conftest import unavailable
from tests.lab.deployment import LINK, Deploy, Deployment
from tests.lab.installed import REPOSITORY, tools, wheels

ADMIN = "ada"
CHECKOUT = f"/home/{ADMIN}/tabbydoctor"
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def _lines() -> list[str]:
    """The commands of "Install it" that do not need a network's git."""
    section = README.split("## Install it", 1)[1].split("\n## ", 1)[0]
    blocks = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line for line in lines if line != "git pull"]


INSTALL, UPGRADE, REMOVE = _lines()[:3], _lines()[3], _lines()[4]
OTHER = {
    way: re.search(rf"```console\n((?:[^`]*\n)?[^`\n]*\b{way} [^`]*)```", README)[1].splitlines()  # type: ignore[index]
    for way in ("pipx", "uv", "shiv")
}
"""Lines to install and to upgrade, and the last to remove."""


@pytest.fixture
def checkout(deploy: Deploy) -> Deployment:
    """A broken deployment; an account with sudo and a checkout; wheels in the place of an index."""
    if shutil.which("sudo") is None:
        unavailable("needs sudo")
    broken = deploy(router="broken")
    machine = broken.machine
    machine.useradd(ADMIN)
    machine.write(f"/etc/sudoers.d/{ADMIN}", f"{ADMIN} ALL=(ALL) NOPASSWD: ALL\n", mode=0o440)
    # What pip is told on the machine below does not count.
    machine.remove("/etc/xdg/pip", "/root/.config/pip", "/root/.pip")
    machine.write("/etc/pip.conf", f"[global]\nno-index = true\nfind-links = {wheels()}\n")
    machine.run(["cp", "-r", broken.installed.source, CHECKOUT])
    machine.run(["chown", "-R", f"{ADMIN}:{ADMIN}", CHECKOUT])
    broken.start()
    broken.wait_ready()
    return broken


def typed(deployment: Deployment, line: str, directory: str = CHECKOUT) -> tuple[int, str, str]:
    """What a line does in the shell of the account: exit code, stdout, stderr."""
    done = deployment.machine.run(
        ["bash", "-c", f"cd {directory} && {line}"], user=ADMIN, timeout=300, check=False
    )
    return done.returncode, done.stdout, done.stderr


def remedy(document: dict) -> str:  # type: ignore[type-arg]
    """The command that gives the router its key."""
    findings = [one for check in document["checks"] for one in check["findings"]]
    ways = [way for one in findings for way in one["remedies"]]
    commands: list[str] = [command for way in ways for command in way["commands"]]
    return next(command for command in commands if command.endswith("fix --auth"))


def test_as_written(checkout: Deployment) -> None:
    machine = checkout.machine
    machine.remove(LINK)
    code, _, errors = typed(checkout, "sudo tabbydoctor check")
    assert (code, "command not found" in errors) == (1, True)
    for line in INSTALL:
        code, output, errors = typed(checkout, line)
        assert code == 0, f"{line}\n{output}{errors}"

    code, output, errors = typed(checkout, "sudo tabbydoctor check --format json", "/tmp")
    document = json.loads(output)
    assert (code, errors) == (1, "")
    assert document["diagnosis"][0]["root"].startswith("RTR")
    assert remedy(document) == "sudo tabbydoctor fix --auth"
    code, output, errors = typed(checkout, f"{remedy(document)} --yes", "/tmp")
    assert code == 0, output + errors
    (paste,) = re.findall(r"sudo tabbydoctor undo \S+", output)
    code, output, errors = typed(checkout, paste, "/tmp")
    assert code == 0, output + errors

    module = f"{CHECKOUT}/tabbydoctor/__init__.py"
    machine.write(module, machine.read(module).replace("0.1.0", "0.1.0.post1"), owner=ADMIN)
    code, output, errors = typed(checkout, UPGRADE)
    assert code == 0, output + errors
    assert typed(checkout, "sudo tabbydoctor --version")[1] == "tabbydoctor 0.1.0.post1\n"

    (packages,) = machine.run(
        ["sh", "-c", "echo /opt/tabbydoctor/lib/*/site-packages"]
    ).stdout.split()
    machine.run(["chown", ADMIN, packages])
    code, output, errors = typed(checkout, "sudo tabbydoctor check --format json", "/tmp")
    assert json.loads(output)["diagnosis"]
    assert f"{packages} belongs to {ADMIN}" in errors

    assert typed(checkout, REMOVE)[0] == 0
    assert not machine.exists(LINK)
    assert not machine.exists("/opt/tabbydoctor")


def test_elsewhere_the_whole_path_is_printed_and_works(checkout: Deployment) -> None:
    """In a virtual environment of the account's: root is warned, and the command can be pasted."""
    machine, own = checkout.machine, f"/home/{ADMIN}/my venv"
    machine.remove(LINK)
    setup = f"python3 -m venv '{own}' && '{own}/bin/pip' install --quiet {CHECKOUT}"
    code, output, errors = typed(checkout, setup)
    assert code == 0, output + errors
    code, output, errors = typed(checkout, f"'{own}/bin/tabbydoctor' check --format json", "/tmp")
    assert errors == ""
    printed = json.loads(output)
    sudo = f"sudo '{own}/bin/tabbydoctor'"
    code, output, errors = typed(checkout, f"{sudo} check --format json", "/tmp")
    assert f"root runs code that others may write: /home/{ADMIN}" in errors
    assert remedy(json.loads(output)) == f"{sudo} fix --auth"
    assert remedy(printed) == f"{sudo} fix --auth"
    code, output, errors = typed(checkout, f"{remedy(printed)} --dry-run", "/tmp")
    assert code == 1
    assert "Plan:" in output
    assert Path(own).name in errors


@pytest.mark.parametrize("way", OTHER)
def test_other_ways(checkout: Deployment, way: str) -> None:
    """From nothing to a check, the plan of a repair, a timer, and to nothing again."""
    machine = checkout.machine
    machine.remove(LINK)
    programs, further = tools()
    machine.run(["ln", "-s", programs / way, f"/usr/local/bin/{way}"])
    found = [str(wheels()), str(further)]
    machine.write("/etc/pip.conf", f"[global]\nno-index = true\nfind-links = {' '.join(found)}\n")
    machine.write("/etc/uv/uv.toml", f"no-index = true\nfind-links = {json.dumps(found)}\n")
    for line in OTHER[way][:-1]:
        code, output, errors = typed(checkout, line)
        assert code == 0, f"{line}\n{output}{errors}"
    code, output, errors = typed(checkout, "sudo tabbydoctor check --format json", "/tmp")
    assert (code, errors) == (1, "")
    assert remedy(json.loads(output)) == "sudo tabbydoctor fix --auth"
    code, output, errors = typed(checkout, f"{remedy(json.loads(output))} --dry-run", "/tmp")
    assert (code, "Plan:" in output, errors) == (1, True, ""), output + errors
    code, output, errors = typed(checkout, "tabbydoctor demo", "/tmp")
    assert code == 0, output + errors
    code, output, errors = typed(checkout, "sudo tabbydoctor install-timer --every 1d", "/tmp")
    assert code == 0, output + errors
    machine.run(["rm", "-rf", "/root/.shiv"])  # as after an upgrade: it cannot write there
    done = machine.run(["systemctl", "start", "tabbydoctor.service"], check=False)
    assert done.returncode == 0, machine.run(["journalctl", "-u", "tabbydoctor"]).stdout
    code, output, errors = typed(checkout, "sudo tabbydoctor remove-timer", "/tmp")
    assert code == 0, output + errors
    code, output, errors = typed(checkout, OTHER[way][-1])
    assert code == 0, output + errors
    assert typed(checkout, "sudo tabbydoctor --version", "/tmp")[0] != 0
