"""Healthy variants: what starts TabbyAPI, and as whom."""

from __future__ import annotations

from tests.lab.deployment import CONFIG, TOKENS, Deployment
from tests.lab.faults.fault import command, python, set_unit
from tests.lab.healthy.variant import as_usual, serves, start_at, variant, without_router

URL = "http://127.0.0.1:5000"
OTHER_NAME = "inference-5000.service"
SECOND = "http://127.0.0.1:5010"
UNSAFE = "TABBY_DEVELOPER_UNSAFE_LAUNCH=true"
USER_UNIT = """\
[Service]
WorkingDirectory={directory}
Environment=TABBY_DEVELOPER_UNSAFE_LAUNCH=true
ExecStart={python} main.py
UMask=0077
Restart=on-failure

[Install]
WantedBy=default.target
"""


def started_by_hand(d: Deployment) -> None:
    """A TabbyAPI that nobody's unit started, and the other services."""
    server = f"{python(d)} main.py >/tmp/tabby.out 2>&1 </dev/null"
    shell = f"umask 077; cd {d.directory} && exec setsid {server} &"
    d.machine.run(["sh", "-c", shell], user=d.user, env={UNSAFE.split("=")[0]: "true"})
    serves(d)


def start_user_unit(d: Deployment) -> None:
    d.machine.run(["loginctl", "enable-linger", d.user])
    uid = d.machine.run(["id", "-u", d.user]).stdout.strip()
    d.machine.wait_for(lambda: d.machine.exists(f"/run/user/{uid}/bus"), "the user's D-Bus", 20)
    manager = ["systemctl", "--user", f"--machine={d.user}@", "enable", "--now", "tabbyapi.service"]
    d.machine.run(manager)
    start_at(URL)(d)


def no_unit(d: Deployment) -> None:
    d.machine.systemctl("disable", "--quiet", "tabbyapi.service")
    d.machine.remove("/etc/systemd/system/tabbyapi.service")
    d.machine.systemctl("daemon-reload")


def by_hand(d: Deployment) -> None:
    started_by_hand(d)
    d.machine.systemctl("start", "llm-router.service", "sglang.service", "llamacpp.service")
    d.machine.wait_for(lambda: d.forward("sglang").status == 200, "the router", 30)


def in_container(d: Deployment) -> None:
    """What a container's process looks like from the host: its control group's name."""
    group = "/sys/fs/cgroup/system.slice/docker-" + "4b1d" * 16 + ".scope"
    d.machine.run(["mkdir", "-p", group])
    shell = (
        f"umask 077; echo 0 >{group}/cgroup.procs && cd {d.directory} && "
        f"exec setpriv --reuid={d.user} --regid={d.user} --init-groups "
        f"{python(d)} main.py >/tmp/tabby.out 2>&1 </dev/null &"
    )
    d.machine.run(["sh", "-c", shell], env={UNSAFE.split("=")[0]: "true"})
    serves(d)
    d.machine.systemctl("start", "sglang.service", "llamacpp.service")


@variant("the user's own unit", start=start_user_unit)
def user_unit(d: Deployment) -> None:
    no_unit(d)
    text = USER_UNIT.format(directory=d.directory, python=python(d))
    home = f"/home/{d.user}/.config"
    d.machine.write(f"{home}/systemd/user/tabbyapi.service", text)
    d.machine.run(["chown", "-R", f"{d.user}:{d.user}", home])


@variant("a wrapper script")
def wrapper(d: Deployment) -> None:
    script = f"#!/bin/sh\n# ours\ncd {d.directory} || exit 1\nexec {python(d)} main.py\n"
    d.machine.write("/usr/local/bin/run-tabby", script, mode=0o755)
    set_unit(d, "ExecStart=", "ExecStart=/usr/local/bin/run-tabby")


@variant("a wrapper script that waits")
def waiting_wrapper(d: Deployment) -> None:
    script = f"#!/bin/bash\nsource /dev/null\ncd {d.directory}\n{python(d)} main.py\n"
    d.machine.write("/usr/local/bin/run-tabby", script, mode=0o755)
    set_unit(d, "ExecStart=", "ExecStart=/usr/local/bin/run-tabby")


@variant("TabbyAPI's start.sh")
def start_sh(d: Deployment) -> None:
    script = f'#!/usr/bin/env bash\ncd "$(dirname "$0")"\n{python(d)} main.py "$@"\n'
    d.machine.write(d.directory / "start.sh", script, mode=0o755, owner=d.user)
    set_unit(d, "ExecStart=", f"ExecStart={d.directory}/start.sh")


@variant("bash -c with cd")
def shell(d: Deployment) -> None:
    line = f"cd {d.directory} && exec {python(d)} main.py"
    set_unit(d, "WorkingDirectory=", "ExecStart=", f"ExecStart=/bin/bash -c '{line}'")


@variant("run as root")
def as_root(d: Deployment) -> None:
    d.machine.run(["chown", "--recursive", "--no-dereference", "root:root", d.directory])
    set_unit(d, "User=root")
    set_unit(d, "User=root", unit="llm-router.service")


@variant("tokens for a group", deploy={"router_user": "gateway"})
def group_tokens(d: Deployment) -> None:
    """0640, and the router's account is in TabbyAPI's group."""


def start_other_name(d: Deployment) -> None:
    d.machine.systemctl("start", OTHER_NAME)
    start_at(URL)(d)


@variant("another unit's name", start=start_other_name)
def other_name(d: Deployment) -> None:
    text = d.machine.read("/etc/systemd/system/tabbyapi.service")
    no_unit(d)
    d.machine.unit(OTHER_NAME, text)
    d.machine.systemctl("enable", "--quiet", OTHER_NAME)


@variant("two instances")
def two(d: Deployment) -> None:
    other = f"/home/{d.user}/second"
    owner = f"{d.user}:{d.user}"
    d.machine.run(["cp", "-a", d.directory, other])
    d.machine.write(f"{other}/config.yml", CONFIG.replace("5000", "5010"), owner=owner)
    d.machine.write(f"{other}/api_tokens.yml", TOKENS, mode=0o600, owner=owner)
    text = d.machine.read("/etc/systemd/system/tabbyapi.service")
    text = text.replace(f"WorkingDirectory={d.directory}", f"WorkingDirectory={other}")
    d.machine.unit("tabbyapi-second.service", text)
    d.machine.systemctl("enable", "--quiet", "tabbyapi-second.service")
    d.machine.systemctl("start", "tabbyapi-second.service")
    serves(d, SECOND)


@variant("started by hand, no unit", start=by_hand)
def hand(d: Deployment) -> None:
    no_unit(d)


@variant("in a container", start=in_container, forwards=False)
def container(d: Deployment) -> None:
    no_unit(d)
    without_router(d)


@variant("no router", start=start_at(URL, router=False), forwards=False)
def routerless(d: Deployment) -> None:
    without_router(d)


@variant("a harmless sandbox", start=as_usual)
def sandbox(d: Deployment) -> None:
    quiet = ("NoNewPrivileges", "PrivateTmp", "ProtectKernelTunables", "RestrictSUIDSGID")
    set_unit(d, "ProtectSystem=full", *(f"{name}=yes" for name in quiet))


@variant("python -m main with arguments")
def module(d: Deployment) -> None:
    set_unit(d, *command(d, "-m", "main", "--port", "5000"))
