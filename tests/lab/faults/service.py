"""Faults in TabbyAPI's unit."""

from __future__ import annotations

from tests.lab.deployment import API_KEY, Deployment
from tests.lab.faults.config import DOWN
from tests.lab.faults.fault import fault, tabby_down


@fault(
    "an interpreter below /root", "SVC002", consequences=DOWN, answers=False, waits_for=tabby_down
)
def exec_denied(d: Deployment) -> None:
    d.machine.run(["install", "-D", "-m", "755", "/usr/bin/python3", "/root/venv/bin/python"])
    d.machine.dropin(
        "tabbyapi.service",
        "[Service]\nExecStart=\nExecStart=/root/venv/bin/python main.py\n",
    )


@fault("not enabled", "SVC006", when="running")
def not_enabled(d: Deployment) -> None:
    d.machine.systemctl("disable", "--quiet", "tabbyapi.service")


@fault("unit changed, not reloaded", "SVC005", when="running")
def reload_needed(d: Deployment) -> None:
    text = d.machine.read("/etc/systemd/system/tabbyapi.service")
    d.machine.write("/etc/systemd/system/tabbyapi.service", f"{text}\n# changed\n")


@fault("an environment file is missing", "SVC009", consequences=DOWN, answers=False,
       waits_for=tabby_down)  # fmt: skip
def environment_file(d: Deployment) -> None:
    d.machine.dropin("tabbyapi.service", "[Service]\nEnvironmentFile=/etc/tabby.env\n")


@fault("the wrong working directory", "SVC007", consequences=DOWN, answers=False,
       waits_for=tabby_down)  # fmt: skip
def working_directory(d: Deployment) -> None:
    d.machine.dropin("tabbyapi.service", f"[Service]\nWorkingDirectory=/home/{d.user}\n")


@fault("a key in Environment=", "RTR009", also=("SVC008",))
def exposed_secret(d: Deployment) -> None:
    d.machine.dropin("llm-router.service", f"[Service]\nEnvironment=TABBY_API_KEY={API_KEY}\n")
