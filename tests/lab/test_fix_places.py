"""`disable-auth` in the place that wins, whichever it is; and the notes' own mistake with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lab.deployment import CONFIG, Deploy, Deployment

Place = Callable[[Deployment], None]


def command(d: Deployment, arguments: str) -> str:
    return f"ExecStart=\nExecStart={d.directory}/venv/bin/python main.py {arguments}\n"


def config_file(d: Deployment) -> None:
    d.machine.write("/etc/tabby/config.yml", CONFIG)
    d.machine.dropin(
        "tabbyapi.service", f"[Service]\n{command(d, '--config /etc/tabby/config.yml')}"
    )


def environment(d: Deployment) -> None:
    d.machine.dropin(
        "tabbyapi.service", "[Service]\nEnvironment=TABBY_NETWORK_DISABLE_AUTH=false\n"
    )


def environment_file(d: Deployment) -> None:
    d.machine.write("/etc/tabby.env", "# ours\nTABBY_NETWORK_DISABLE_AUTH='false'\nOTHER=1\n")
    d.machine.dropin("tabbyapi.service", "[Service]\nEnvironmentFile=/etc/tabby.env\n")


def arguments(d: Deployment) -> None:
    d.machine.dropin(
        "tabbyapi.service", f"[Service]\n{command(d, '--disable-auth false --port 5000')}"
    )


def no_file(d: Deployment) -> None:
    d.machine.remove(d.config)


def notes_option_one(d: Deployment) -> None:
    owner = f"{d.user}:{d.user}"
    d.machine.write(d.config, f"{CONFIG}\n# the notes\nauth:\n  disable: true\n", owner=owner)


PLACES: dict[str, Place] = {
    "--config": config_file,
    "environment": environment,
    "environment file": environment_file,
    "arguments": arguments,
    "no file": no_file,
    "option 1": notes_option_one,
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_auth_is_off_afterwards_and_on_again_after_undo(deploy: Deploy, place: Place) -> None:
    d = deploy(router="broken")
    place(d)
    d.start()
    d.wait_ready()
    watched = ["/etc/systemd", "/etc/tabby", "/etc/tabby.env", str(d.config)]
    watched = [path for path in watched if d.machine.exists(path)]
    before = d.machine.snapshot(watched)
    assert keyless(d) == 401
    arguments = ["fix", "--auth", "--strategy", "disable-auth", "--yes", "--format", "json"]
    fixed = d.doctor(*arguments)
    assert fixed.exit_code == 0, fixed.stdout
    assert fixed.document["verified"] is True
    assert keyless(d) == 200
    if place is notes_option_one:
        text = str(d.machine.read(d.config))
        assert "auth:\n" not in text
        assert "disable_auth: true" in text
    again = d.doctor(*arguments)
    assert (again.exit_code, again.document["changes"]) == (0, [])
    assert d.doctor("undo").exit_code == 0
    d.wait_ready()
    assert keyless(d) == 401
    assert d.machine.snapshot(watched) == before


def keyless(d: Deployment) -> int:
    return d.request("GET", "http://127.0.0.1:5000/v1/models").status
