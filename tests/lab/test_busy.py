"""A machine kept busy by others: what is wrong is still named."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tests.lab.deployment import Deploy, Deployment
from tests.lab.outcome import faults_in, told

LOOPS = 8


@contextlib.contextmanager
def busy(deployment: Deployment) -> Iterator[None]:
    """Programs that do nothing, as fast as they can."""
    machine = deployment.machine
    units = [f"busy-{number}.service" for number in range(LOOPS)]
    for unit in units:
        machine.unit(unit, "[Service]\nExecStart=/bin/sh -c 'while :; do :; done'\n", reload=False)
    machine.systemctl("daemon-reload")
    machine.systemctl("start", *units)
    try:
        yield
    finally:
        machine.systemctl("kill", "--signal=KILL", *units)


def test_the_notes_fault_is_named_on_a_busy_machine(deploy: Deploy) -> None:
    notes = deploy(router="notes")
    notes.start()
    notes.wait_ready()
    with busy(notes):
        ran = notes.doctor("check", "--format", "json")
    assert "RTR002" in faults_in(ran.document), told(ran.document)
    assert ran.exit_code == 1
