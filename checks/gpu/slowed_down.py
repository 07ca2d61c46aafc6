"""A GPU that TabbyAPI uses is slowed down by its own hardware: heat, or its power supply.

## What it checks
Why the clocks of a GPU at work are lower than they could be.

## Why it matters
Generation takes several times as long, and nothing else is wrong.

## How it is told
By NVML's reasons, at this moment: the hardware's own slowdown for heat or for its power is a
warning, what the driver does for heat a remark. An idle GPU, the usual power limit, clocks that
were set by hand, and laptops (which trade both all the time) are nothing wrong.

## What to do
Heat: look at fans, dust, the airflow and the temperature. Power: look at the power supply and the
cables to the card.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.gpu.used import used_among
from tabbydoctor.host.data import NvmlGpu
from tabbydoctor.tabbyapi.config import EffectiveConfig

# nvmlClocksEventReasons
_IDLE, _HARDWARE, _DRIVER_HEAT, _HARDWARE_HEAT, _POWER_BRAKE = 0x1, 0x8, 0x20, 0x40, 0x80
_AT_WORK = 10
"""Percent: below, a GPU is as good as idle, whatever slows it down."""
_LAPTOPS = ("laptop", "max-q", "mobile")
_REASONS = (
    (_HARDWARE_HEAT, "heat", "HW Thermal Slowdown", Severity.WARNING),
    (_POWER_BRAKE, "its power supply", "HW Power Brake Slowdown", Severity.WARNING),
    (_HARDWARE, "heat or its power supply", "HW Slowdown", Severity.WARNING),
    (_DRIVER_HEAT, "heat", "SW Thermal Slowdown", Severity.INFO),
)
_WAYS = {
    "heat": "Look at fans, dust and airflow, and lower the power limit where that is not enough",
    "its power supply": "Look at the power supply and the cables to the card",
}


@check("GPU013", "slowed-down", category="gpu", severity=Severity.WARNING)
def slowed_down(
    need: GpuNeed, instance: Instance, driver: Driver, config: EffectiveConfig | None
) -> Iterator[Finding]:
    if not driver.works:
        raise Absent(f"the driver does not work: {driver.problem}")
    slow = [gpu for gpu in driver.nvml.gpus if _at_work(gpu) and _reason(gpu)]
    for gpu in used_among(slow, driver.nvml, instance, config):
        yield _finding(gpu)


def _at_work(gpu: NvmlGpu) -> bool:
    laptop = any(word in (gpu.name or "").lower() for word in _LAPTOPS)
    idle = (gpu.condition.slowed_by or 0) & _IDLE
    return not (laptop or idle) and (gpu.condition.busy_percent or 0) >= _AT_WORK


def _reason(gpu: NvmlGpu) -> tuple[int, str, str, Severity] | None:
    bits = gpu.condition.slowed_by or 0
    return next((reason for reason in _REASONS if bits & reason[0]), None)


def _finding(gpu: NvmlGpu) -> Finding:
    reason = _reason(gpu)
    assert reason is not None
    _, why, name, severity = reason
    degrees = gpu.condition.temperature
    return Finding(
        f"GPU {gpu.index} ({gpu.name}) is slowed down by {why}",
        "Generation is slower than it could be.",
        (
            Evidence(f"nvidia-smi -q -d PERFORMANCE -i {gpu.index}", "Not Active", name),
            *([Evidence(f"NVML, GPU {gpu.index}", actual=f"{degrees} °C")] if degrees else []),
        ),
        (
            Remedy(
                _WAYS.get(why, "Look at its cooling, power supply and cables"),
                commands=(f"nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER -i {gpu.index}",),
            ),
        ),
        severity=severity,
    )
