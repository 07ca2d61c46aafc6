"""Checks of the systemd units: SVC001 to SVC015."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import Absent
from tabbydoctor.deployment.parts import Instance, RouterSite
from tabbydoctor.deployment.unit import Unit

STOPS_THE_START = (
    *("CFG001", "CFG002", "CFG005", "CFG010"),
    *("TOK002", "TOK003", "TOK007"),
    *("SVC007", "SVC009", "SVC012", "SVC013", "SVC014"),
    *("GRP001", "GRP002", "GRP003"),
    *(f"GPU00{number}" for number in range(1, 10)),
    *("GPU010", "GPU011", "GPU014"),
)
"""Checks whose faults end in a TabbyAPI that does not come up."""


def unit_of(instance: Instance) -> Unit:
    """TabbyAPI's unit; the check is skipped without one."""
    if instance.unit is None or not instance.unit.exists:
        raise Absent(f"{instance.name} is not run by a systemd unit")
    return instance.unit


def units_of(instance: Instance, router: RouterSite | None) -> Iterator[Unit]:
    """TabbyAPI's unit and its router's. Raises Absent where there is neither."""
    found = [one.unit for one in (instance, router) if one and one.unit and one.unit.exists]
    if not found:
        raise Absent(f"{instance.name} is not run by a systemd unit")
    yield from found


def command(unit: Unit, verb: str) -> str:
    """`sudo systemctl restart tabbyapi.service`, to paste."""
    return f"{unit.systemctl} {verb} {shlex.quote(unit.name)}"


def shown(unit: Unit, *properties: str) -> str:
    """The command that shows the properties: the source of evidence."""
    user = " --user" if unit.user_manager else ""
    return f"systemctl{user} show {shlex.quote(unit.name)} -p {','.join(properties)}"
