"""Making a fault on a machine."""

from __future__ import annotations

from tests.lab.deployment import UNITS, Deployment
from tests.lab.faults import Fault


def make(d: Deployment, fault: Fault) -> None:
    """Make the fault, and wait until it has taken effect."""
    if fault.healthy:
        fault.healthy(d)
    if fault.when == "before":
        fault.mutate(d)
    d.machine.systemctl("daemon-reload")
    if fault.answers:
        d.start()
        d.wait_ready()
    else:
        d.machine.run(["systemctl", "start", "--no-block", *UNITS], check=False)
    if fault.when == "running":
        fault.mutate(d)
    if fault.waits_for is not None:
        takes_effect = fault.waits_for
        d.machine.wait_for(lambda: takes_effect(d), f"{fault.name} to show", 30)
