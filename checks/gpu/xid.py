"""The kernel log holds NVIDIA errors (Xids) that ask for an action.

## What it checks
The lines `NVRM: Xid (PCI:…): number` since boot, of the GPUs that TabbyAPI uses.

## Why it matters
An Xid says what a GPU's fault was: fallen off the bus, memory errors, a hung processor on it.
Some end with a reset, some mean hardware.

## How it is told
From the kernel log, by NVIDIA's catalogue of Xids. Those an application causes (13, 31, 32) or
that need nothing (43, 45, 63) are left out, as is what was before the driver was loaded anew or,
for 94, before TabbyAPI's start. Of several of a number the last is shown, and how many there were.
It is an error where the GPU does not answer now or fell off the bus, else a warning; a remark where
TabbyAPI was started since and has its model on the GPU.

## What to do
Follow the remedy of the number. An Xid that comes back after a reset or reboot points to the
hardware: power, cables, cooling, slot, the card.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, Unknown, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.documents import whole_number
from tabbydoctor.gpu.cuda_use import CudaUse
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.kernel_log import KernelLine, KernelLog
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.gpu.used import used_among
from tabbydoctor.host.data import NvmlGpu
from tabbydoctor.records import dataclass, replace
from tabbydoctor.tabbyapi.config import EffectiveConfig

from .resetting import REBOOT, reset
from .xids import OF_MEMORY, XIDS, XidMeaning

_XID = re.compile(r"NVRM: Xid \(PCI:([0-9a-fA-F:.]+)[^)]{0,64}\): (\d+)")
_LOADED = "NVRM: loading NVIDIA UNIX"
_OFF_THE_BUS = 79
_SOURCE = "journalctl -k -b -g 'NVRM: Xid'"
_ASKED = (("Reset", "reset"), ("Reboot", "reboot"), ("Drain", "reset"))
"""What a line of 154 asks for: the words of its recovery action."""


@dataclass(frozen=True, slots=True)
class _Xid:
    bus: str
    number: int
    line: KernelLine
    meaning: XidMeaning
    times: int = 1


@check("GPU007", "xid", category="gpu", severity=Severity.WARNING, caused_by=("GPU012",))
def xid(
    need: GpuNeed,
    instance: Instance,
    driver: Driver,
    log: KernelLog,
    machine: Machine,
    config: EffectiveConfig | None = None,
    use: CudaUse | None = None,
) -> Iterator[Finding]:
    latest: dict[tuple[str, int], _Xid] = {}
    for found in _xids(log):
        before = latest.get((found.bus, found.number))
        times = before.times + 1 if before else 1
        latest[found.bus, found.number] = _Xid(
            found.bus, found.number, found.line, found.meaning, times
        )
    for found in latest.values():
        gpu = _gpu_at(found.bus, driver)
        if not _settled(found, instance) and _used(gpu, driver, instance, config):
            finding = _finding(found, gpu, instance, machine)
            over = _over(found, gpu, instance, use)
            yield replace(finding, severity=Severity.INFO) if over else finding


def _xids(log: KernelLog) -> Iterator[_Xid]:
    """Since the driver was last loaded."""
    loads = [number for number, line in enumerate(log.lines) if _LOADED in line.text]
    for line in log.lines[loads[-1] if loads else 0 :]:
        match = _XID.search(line.text)
        number = whole_number(match[2]) if match else None
        if match and number is not None and number in XIDS:
            yield _Xid(match[1].lower(), number, line, XIDS[number])


def _settled(found: _Xid, instance: Instance) -> bool:
    """A restart that has happened since, or a recovery action of none."""
    if found.meaning.action == "line":
        return re.search(r"to 0x0\b|\(None\)\s*$", found.line.text) is not None
    started = instance.process.started if instance.process else 0.0
    return found.meaning.action == "restart" and started > found.line.time


def _over(found: _Xid, gpu: NvmlGpu | None, instance: Instance, use: CudaUse | None) -> bool:
    """TabbyAPI was started since, and has its model on the GPU: the reset has been done."""
    started = instance.process.started if instance.process else 0.0
    works = use is not None and use.works and (gpu is None or not gpu.error)
    return bool(works) and started > found.line.time and found.meaning.action != "hardware"


def _gpu_at(bus: str, driver: Driver) -> NvmlGpu | None:
    """The GPU at that place, or None where NVML does not know it: it may just be gone."""
    short = bus.removeprefix("0000:").partition(".")[0]
    known = (gpu for gpu in driver.nvml.gpus if gpu.bus_id)
    return next((gpu for gpu in known if f":{short}" in f":{(gpu.bus_id or '').lower()}"), None)


def _used(
    gpu: NvmlGpu | None, driver: Driver, instance: Instance, config: EffectiveConfig | None
) -> bool:
    """Whether it is TabbyAPI's, or may be."""
    if gpu is None:
        return True
    try:
        return bool(used_among([gpu], driver.nvml, instance, config))
    except Unknown:
        return True


def _finding(found: _Xid, gpu: NvmlGpu | None, instance: Instance, machine: Machine) -> Finding:
    broken = found.number == _OFF_THE_BUS or (gpu is not None and gpu.error != 0)
    times = f", {found.times} times" if found.times > 1 else ""
    meaning = found.meaning
    return Finding(
        f"Xid {found.number} on the GPU at PCI {found.bus}{times}: {meaning.meaning}",
        f"{meaning.advice}." if meaning.advice else "",
        (Evidence(_SOURCE, actual=found.line.text),),
        tuple(_remedies(found, gpu, instance, machine)),
        severity=Severity.ERROR if broken else None,
        caused_by=("GPU012",) if found.number in OF_MEMORY else (),
    )


def _remedies(
    found: _Xid, gpu: NvmlGpu | None, instance: Instance, machine: Machine
) -> Iterator[Remedy]:
    action: str = found.meaning.action
    if action == "line":
        now = found.line.text.rpartition(" to ")[2]
        asked = (does for word, does in _ASKED if word in now)
        action = next(asked, "line")
    if action == "reset":
        which = f"-i {gpu.index}" if gpu else f"-i {found.bus}"
        yield from reset(which, instance, machine)
    elif action == "reboot":
        yield REBOOT
    elif action == "restart":
        yield Remedy("Restart TabbyAPI", Safety.UNSAFE, instance.restart)
    else:
        yield Remedy(found.meaning.advice or "Do what the line says")
