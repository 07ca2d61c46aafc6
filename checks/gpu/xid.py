"""The kernel log holds NVIDIA errors (Xids) that ask for an action.

## What it checks
The lines `NVRM: Xid (PCI:…): number` since boot.

## Why it matters
An Xid says what a GPU's fault was: fallen off the bus, memory errors, a hung processor on it.
Some end with a reset, some mean hardware.

## How it is told
From the kernel log, by NVIDIA's catalogue of Xids. Those an application causes (13, 31, 32) or
that need nothing (43, 45, 63) are left out. It is an error where the GPU does not answer now or
fell off the bus, else a warning.

## What to do
Follow the remedy of the number. An Xid that comes back after a reset or reboot points to the
hardware: power, cables, cooling, slot, the card.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.documents import whole_number
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.kernel_log import KernelLine, KernelLog
from tabbydoctor.gpu.need import GpuNeed

_XID = re.compile(r"NVRM: Xid \(PCI:([0-9a-fA-F:.]+)\): (\d+),?\s*(.*)")
_OFF_THE_BUS, _RESTART, _SAYS_ITSELF = 79, 94, 154
_RESET = "Reset the GPU, or reboot"
_ACTIONS = {
    **dict.fromkeys((48, 62, 64, 95, 109, 119, 120, 140, 143), _RESET),
    54: "Connect the GPU's power cables",
    74: "Check the NVLink bridge and its seating",
    _OFF_THE_BUS: "Check power, slot and temperature, and reboot",
    92: "Many corrected memory errors: ask the card's support",
    _RESTART: "Restart TabbyAPI",
    _SAYS_ITSELF: "Do what the line says",
}


@dataclass(frozen=True, slots=True)
class _Xid:
    bus: str
    number: int
    line: KernelLine


@check("GPU007", "xid", category="gpu", severity=Severity.WARNING)
def xid(need: GpuNeed, instance: Instance, driver: Driver, log: KernelLog) -> Iterator[Finding]:
    latest: dict[tuple[str, int], _Xid] = {}
    for found in _xids(log):
        latest[found.bus, found.number] = found
    for found in latest.values():
        if not _settled(found, instance):
            yield _finding(found, instance, broken=_broken(found, driver))


def _xids(log: KernelLog) -> Iterator[_Xid]:
    for line in log.lines:
        match = _XID.search(line.text)
        number = whole_number(match[2]) if match else None
        if match and number in _ACTIONS:
            yield _Xid(match[1].lower(), number, line)


def _settled(found: _Xid, instance: Instance) -> bool:
    """A restart that has happened since, or a recovery action of none."""
    if found.number == _SAYS_ITSELF:
        return re.search(r"to 0x0\b|\(None\)\s*$", found.line.text) is not None
    started = instance.process.started if instance.process else 0.0
    return found.number == _RESTART and started > found.line.time


def _broken(found: _Xid, driver: Driver) -> bool:
    """Whether the GPU is gone or does not answer now."""
    if found.number == _OFF_THE_BUS:
        return True
    short = found.bus.removeprefix("0000:")
    return any(
        gpu.error and (gpu.bus_id is None or short in gpu.bus_id.lower())
        for gpu in driver.nvml.gpus
    )


def _finding(found: _Xid, instance: Instance, broken: bool) -> Finding:
    commands: tuple[str, ...] = ()
    if _ACTIONS[found.number] is _RESET:
        commands = ("sudo nvidia-smi --gpu-reset", "sudo systemctl reboot")
    elif found.number == _RESTART and instance.unit is not None:
        commands = (f"{instance.unit.systemctl} restart {instance.unit.name}",)
    return Finding(
        f"Xid {found.number} on the GPU at PCI {found.bus}",
        f"{_ACTIONS[found.number]}.",
        (Evidence("journalctl -k -b -g 'NVRM: Xid'", actual=found.line.text),),
        (Remedy(_ACTIONS[found.number], Safety.UNSAFE if commands else Safety.MANUAL, commands),),
        severity=Severity.ERROR if broken else None,
    )
