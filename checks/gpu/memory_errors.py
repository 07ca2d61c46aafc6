"""The memory of a GPU has errors that could not be corrected, or that a reset is to clear away.

## What it checks
Of every GPU TabbyAPI uses that has ECC: uncorrectable memory errors since the driver was loaded,
memory that is to be retired or remapped at the next reset, and memory that could not be remapped.

## Why it matters
The program that meets such an error is ended ("uncorrectable ECC error encountered"), and may be
again until the bad memory is taken out of use.

## How it is told
By NVML's volatile counter and its pending flags. Corrected errors are normal and not counted;
cards without ECC tell nothing and are not judged.

## What to do
Stop what uses the GPU and reset it, or reboot: the bad memory is taken out of use then. Where that
failed, or errors come again, the card is to be replaced.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Severity, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.gpu.used import used_among
from tabbydoctor.host.data import NvmlCondition, NvmlGpu
from tabbydoctor.tabbyapi.config import EffectiveConfig

from .resetting import reset


@check("GPU012", "memory-errors", category="gpu", severity=Severity.WARNING, caused_by=("GPU002",))
def memory_errors(
    need: GpuNeed,
    instance: Instance,
    machine: Machine,
    driver: Driver,
    config: EffectiveConfig | None,
) -> Iterator[Finding]:
    if not driver.works:
        raise Absent(f"the driver does not work: {driver.problem}")
    bad = [gpu for gpu in driver.nvml.gpus if list(_seen(gpu.condition))]
    for gpu in used_among(bad, driver.nvml, instance, config):
        yield _finding(gpu, instance, machine)


def _seen(condition: NvmlCondition) -> Iterator[tuple[str, str, str]]:
    """What is wrong, as nvidia-smi's section, what it should say and what it says."""
    if condition.rows_failed:
        yield "ROW_REMAPPER", "Remapping Failure Occurred: No", "Yes"
    if condition.rows_pending:
        yield "ROW_REMAPPER", "Pending: No", "Yes"
    if condition.pages_pending:
        yield "PAGE_RETIREMENT", "Pending Page Blacklist: No", "Yes"
    if condition.uncorrected_errors:
        yield "ECC", "0 uncorrectable errors", str(condition.uncorrected_errors)


def _finding(gpu: NvmlGpu, instance: Instance, machine: Machine) -> Finding:
    condition = gpu.condition
    evidence = tuple(
        Evidence(f"nvidia-smi -q -d {section} -i {gpu.index}", wanted, seen)
        for section, wanted, seen in _seen(condition)
    )
    if condition.rows_failed:
        what = "has memory that could not be taken out of use"
        remedy = Remedy("Replace the card; until then leave it out of CUDA_VISIBLE_DEVICES")
        return Finding(f"GPU {gpu.index} ({gpu.name}) {what}", "", evidence, (remedy,))
    pending = condition.rows_pending or condition.pages_pending
    what = "waits for a reset to take bad memory out of use" if pending else "has memory errors"
    return Finding(
        f"GPU {gpu.index} ({gpu.name}) {what}",
        "An uncorrectable error ends the program that meets it.",
        evidence,
        tuple(reset(f"-i {gpu.index}", instance, machine)),
    )
