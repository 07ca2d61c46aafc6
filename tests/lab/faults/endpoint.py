"""Faults that show at TabbyAPI's address."""

from __future__ import annotations

from tests.lab.deployment import TABBY_PORT, Deployment
from tests.lab.faults.config import DOWN
from tests.lab.faults.fault import fault, tabby_down

STRANGER = """\
[Service]
ExecStart=/usr/bin/python3 -m http.server --bind 127.0.0.1 {port}
"""


@fault("its port is taken", "API003", consequences={"RTR001", "RTR010", "RTR013", "SVC011"})
def port_moved(d: Deployment) -> None:
    stranger(d, TABBY_PORT)


@fault("both its ports are taken", "API002", consequences={"SVC004", *DOWN}, answers=False,
       waits_for=tabby_down)  # fmt: skip
def ports_taken(d: Deployment) -> None:
    stranger(d, TABBY_PORT)
    stranger(d, TABBY_PORT + 1)


@fault("stopped by hand", "API001", consequences={"RTR010"}, when="running", answers=False,
       waits_for=tabby_down)  # fmt: skip
def stopped(d: Deployment) -> None:
    d.machine.systemctl("stop", "tabbyapi.service")


def stranger(d: Deployment, port: int) -> None:
    """Something else that listens before TabbyAPI starts."""
    name = f"stranger-{port}.service"
    d.machine.unit(name, STRANGER.format(port=port))
    d.machine.systemctl("start", name)
    url = f"http://127.0.0.1:{port}/"
    d.machine.wait_for(lambda: d.request("GET", url).status != 0, f"{name} to listen", 10)
