"""A unit of a user's own systemd is found and named, whatever starts the server in it."""

from __future__ import annotations

import pytest

from tests.lab.deployment import Deploy, Deployment
from tests.lab.faults.fault import python
from tests.lab.healthy.dynamic import user_unit_with_script
from tests.lab.healthy.services import no_unit
from tests.lab.healthy.variant import serves


def named(d: Deployment, name: str, command: str) -> None:
    """Start a user's unit of that name and command."""
    no_unit(d)
    text = (
        "[Service]\nEnvironment=TABBY_DEVELOPER_UNSAFE_LAUNCH=true\n"
        f"WorkingDirectory={d.directory}\nExecStart={command}\nUMask=0077\n"
    )
    home = f"/home/{d.user}/.config"
    d.machine.write(f"{home}/systemd/user/{name}", text)
    d.machine.run(["chown", "-R", f"{d.user}:{d.user}", home])


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("tabbyapi.service", "/bin/bash {directory}/start.sh"),
        ("llm.service", "{directory}/start.sh --host 127.0.0.1"),
        ("inference.service", "{python} start.py"),
        ("chat.service", "{python} main.py"),
    ],
)
def test_the_unit_is_named(deploy: Deploy, name: str, command: str) -> None:
    d = deploy()
    user_unit_with_script(d)
    d.machine.remove(f"/home/{d.user}/.config/systemd/user/tabbyapi.service")
    d.machine.unit("tabbyapi.service", "[Service]\nExecStart=/bin/true\n")
    named(d, name, command.format(directory=d.directory, python=python(d)))
    d.machine.run(["loginctl", "enable-linger", d.user])
    uid = d.machine.run(["id", "-u", d.user]).stdout.strip()
    d.machine.wait_for(lambda: d.machine.exists(f"/run/user/{uid}/bus"), "the user's D-Bus", 20)
    d.machine.run(["systemctl", "--user", f"--machine={d.user}@", "start", name])
    serves(d)
    found = d.doctor("check", "--format", "json").document["deployment"]
    assert (found["unit"], found["user_unit"], found["user"]) == (name, True, d.user)
    assert found["dir"] == str(d.directory)


@pytest.mark.parametrize("stop", ["stopped by hand", "never started"])
def test_a_stopped_one_is_found_too(deploy: Deploy, stop: str) -> None:
    """Its process tells nothing: the unit file in the user's home does."""
    d = deploy()
    user_unit_with_script(d)
    d.machine.run(["loginctl", "enable-linger", d.user])
    uid = d.machine.run(["id", "-u", d.user]).stdout.strip()
    d.machine.wait_for(lambda: d.machine.exists(f"/run/user/{uid}/bus"), "the user's D-Bus", 20)
    manager = ["systemctl", "--user", f"--machine={d.user}@"]
    d.machine.run([*manager, "daemon-reload"])
    if stop == "stopped by hand":
        d.machine.run([*manager, "start", "tabbyapi.service"])
        serves(d)
        d.machine.run([*manager, "stop", "tabbyapi.service"])
    said = d.doctor("check", "--format", "json").document
    found = said["deployment"]
    assert (found["unit"], found["user_unit"]) == ("tabbyapi.service", True)
    assert [root["root"] for root in said["diagnosis"]][:1] == ["API001"]
    command = said["diagnosis"][0]["remedies"][0]["commands"][0]
    assert "--user" in command
    assert "tabbyapi.service" in command
