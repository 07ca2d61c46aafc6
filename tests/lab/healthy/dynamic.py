"""Healthy variants: an account that systemd makes up (`DynamicUser=`), and a unit of a user's."""

from __future__ import annotations

from tests.lab.deployment import CONFIG, Deployment
from tests.lab.faults.fault import python
from tests.lab.healthy.services import no_unit, start_user_unit
from tests.lab.healthy.variant import start_at, variant, without_router

PROGRAM = "/opt/tabbyAPI"
UNIT = """\
[Unit]
Description=TabbyAPI
[Service]
Environment=TABBY_DEVELOPER_UNSAFE_LAUNCH=true
DynamicUser=yes
StateDirectory={state}
WorkingDirectory=/var/lib/{state}
ExecStartPre=/bin/mkdir -p models
ExecStart={python} {program}/main.py
{more}
[Install]
WantedBy=multi-user.target
"""
START = start_at("http://127.0.0.1:5000", router=False)


def dynamic(d: Deployment, state: str = "tabbyapi", more: str = "") -> None:
    """The program in /opt, its state where systemd keeps it; no router could read the keys."""
    without_router(d)
    d.machine.run(["cp", "-a", d.directory, PROGRAM])
    d.machine.run(["chown", "-R", "root:root", PROGRAM])
    d.machine.remove(f"{PROGRAM}/api_tokens.yml", f"{PROGRAM}/config.yml")
    interpreter = python(d).replace(str(d.directory), PROGRAM)
    text = UNIT.format(state=state, python=interpreter, program=PROGRAM, more=more)
    d.machine.remove("/etc/systemd/system/tabbyapi.service", d.directory)
    d.machine.unit("tabbyapi.service", text)
    d.machine.systemctl("enable", "--quiet", "tabbyapi.service")


@variant("DynamicUser= with StateDirectory=", start=START, forwards=False)
def dynamic_user(d: Deployment) -> None:
    dynamic(d)


@variant("DynamicUser= with a configuration in its state", start=START, forwards=False)
def dynamic_configured(d: Deployment) -> None:
    dynamic(d, "llm/tabby", "UMask=0077\nUser=tabby-dynamic")
    d.machine.write("/var/lib/private/llm/tabby/config.yml", CONFIG, mode=0o644)


@variant("DynamicUser= stopped and started again", start=START, forwards=False)
def dynamic_again(d: Deployment) -> None:
    """What it left belongs to a user that is gone meanwhile."""
    dynamic(d, more="UMask=0077")
    d.machine.systemctl("start", "tabbyapi.service")
    START(d)
    d.machine.systemctl("stop", "tabbyapi.service")


@variant("the user's own unit with start.sh", start=start_user_unit)
def user_unit_with_script(d: Deployment) -> None:
    """As TabbyAPI ships it: the shell waits for start.py, which is the server."""
    no_unit(d)
    owner = f"{d.user}:{d.user}"
    script = f'#!/bin/bash\ncd "$(dirname "$0")" || exit\n{python(d)} start.py "$@"\n'
    server = "import runpy\nrunpy.run_path('main.py', run_name='__main__')\n"
    d.machine.write(d.directory / "start.sh", script, mode=0o755, owner=owner)
    d.machine.write(d.directory / "start.py", server, owner=owner)
    text = (
        "[Service]\nEnvironment=TABBY_DEVELOPER_UNSAFE_LAUNCH=true\n"
        f"ExecStart={d.directory}/start.sh\nUMask=0077\n\n[Install]\nWantedBy=default.target\n"
    )
    home = f"/home/{d.user}/.config"
    d.machine.write(f"{home}/systemd/user/tabbyapi.service", text)
    d.machine.run(["chown", "-R", owner, home])
