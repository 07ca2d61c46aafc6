"""Faults in TabbyAPI's configuration."""

from __future__ import annotations

from tests.lab.deployment import CONFIG, Deployment
from tests.lab.faults.fault import edit, fault, tabby_down, write_config
from tests.lab.gpu import give_gpu

DOWN = {"API001", "SVC002", "SVC003", "SVC011", "RTR010", "RTR013"}
KEYLESS = {"RTR001", "RTR002", "RTR003", "RTR010", "SVC011"}


@fault("option 1 of the notes", "CFG004", deploy={"router": "broken"}, consequences=KEYLESS)
def auth_section(d: Deployment) -> None:
    write_config(d, f"{CONFIG}\nauth:\n  disable: true\n")


@fault("a key with a typo", "CFG003")
def typo(d: Deployment) -> None:
    edit(d, "disable_auth: false", "disable_authh: true")


@fault("broken YAML", "CFG002", consequences={"SVC011", *KEYLESS})
def broken(d: Deployment) -> None:
    write_config(d, "network:\n\thost: 127.0.0.1\n")


@fault("a boolean with a typo", "CFG005", consequences=DOWN, answers=False, waits_for=tabby_down)
def invalid(d: Deployment) -> None:
    edit(d, "disable_auth: false", "disable_auth: ture")


@fault("auth off on all addresses", "CFG008", consequences={"SVC011"})
def exposed(d: Deployment) -> None:
    edit(d, "host: 127.0.0.1", "host: 0.0.0.0")
    edit(d, "disable_auth: false", "disable_auth: true")


@fault("the --config file is gone", "CFG001", consequences={"SVC011"})
def config_gone(d: Deployment) -> None:
    d.machine.dropin(
        "tabbyapi.service",
        f"[Service]\nExecStart=\nExecStart={d.directory}/venv/bin/python main.py "
        "--config /etc/tabby/config.yml\n",
    )


@fault("the model is not there", "CFG010", consequences=DOWN, answers=False, waits_for=tabby_down)
def model_missing(d: Deployment) -> None:
    give_gpu(d)
    edit(d, "  model_dir: models", "  model_dir: models\n  model_name: nobody-has-this")


@fault("the environment overrides the file", "CFG006", consequences={"RTR013", "RTR010"})
def overridden(d: Deployment) -> None:
    d.machine.dropin(
        "tabbyapi.service",
        "[Service]\nEnvironment=TABBY_NETWORK_SEND_TRACEBACKS=false\n",
    )
    edit(d, "disable_auth: false", "disable_auth: false\n  send_tracebacks: true")
