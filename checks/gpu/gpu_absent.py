"""The driver works, and there is no GPU TabbyAPI could use, or one is lost.

## What it checks
That NVML counts at least one GPU, that none is lost or waits for a reset, and that
`CUDA_VISIBLE_DEVICES` leaves TabbyAPI one.

## Why it matters
Without a GPU no model loads. A lost GPU hangs or breaks the models on it.

## How it is told
NVML: a count of 0 (the kernel log often tells why: a card that needs the open kernel modules, or
that the driver could not start), "GPU is lost" (15), "GPU requires restart" (16). The variable is
read from the unit or the running process; CUDA stops at its first entry that names no GPU: a
warning where GPUs that exist are named behind it.

## What to do
A lost GPU fell off the bus: look at power, cables and temperature, and reboot. One that needs
a reset: stop what uses it and run `nvidia-smi --gpu-reset`, or reboot. A variable that hides
GPUs: correct it where it is set, or take it from the unit's environment.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Safety, Severity, Unknown, check
from tabbydoctor.deployment.drop_ins import DropIn
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.kernel_log import KernelLog
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.gpu.visible import VARIABLE, cut_off, visible_gpus
from tabbydoctor.host.data import NvmlGpu

from ..drop_in import by_drop_in
from .card_refused import refusal
from .resetting import REBOOT, reset

_LOST, _RESET = 15, 16
_SILENT = (17, 999)
_FATE = {_LOST: "is lost", _RESET: "needs a reset"}


@check(
    "GPU003",
    "gpu-absent",
    category="gpu",
    severity=Severity.ERROR,
    caused_by=("GPU001", "GPU002", "GPU007"),
)
def gpu_absent(
    need: GpuNeed,
    instance: Instance,
    driver: Driver,
    machine: Machine,
    log: KernelLog | None = None,
) -> Iterator[Finding]:
    state = driver.nvml
    if state.error in _FATE:
        yield _bad(NvmlGpu(0, error=state.error), "nvmlInit", instance, machine)
        return
    if not driver.works:
        raise Absent(f"the driver does not work: {driver.problem}")
    bad = [gpu for gpu in state.gpus if _is_bad(gpu, machine)]
    if not bad and any(gpu.error for gpu in state.gpus):
        raise Unknown("a GPU does not answer the doctor: run as root")
    yield from (_bad(gpu, f"NVML, GPU {gpu.index}", instance, machine) for gpu in bad)
    if not state.gpus:
        yield _none(need, log, machine)
    elif visible_gpus(state, instance.environment) == ():
        yield _hidden(instance, machine, len(state.gpus))
    elif behind := cut_off(state, instance.environment):
        yield _cut_off(instance, machine, behind)


def _none(need: GpuNeed, log: KernelLog | None, machine: Machine) -> Finding:
    """Where the driver's own lines tell why, those."""
    return refusal(log, machine) or Finding(
        "The NVIDIA driver works and sees no GPU",
        f"TabbyAPI needs one: {need.reason}.",
        (Evidence("nvmlDeviceGetCount", "1 or more", "0"),),
        (
            Remedy(
                "See whether the GPU is on the bus and what the driver says of it",
                commands=("lspci -nn | grep -i nvidia", "sudo journalctl -k -b -g NVRM"),
            ),
        ),
    )


def _is_bad(gpu: NvmlGpu, machine: Machine) -> bool:
    """Lost, to be reset, or silent without the doctor's own access being in doubt."""
    doubt = machine.container is not None or not machine.root
    return gpu.error in _FATE or (gpu.error in _SILENT and not doubt)


def _bad(gpu: NvmlGpu, source: str, instance: Instance, machine: Machine) -> Finding:
    fate = _FATE.get(gpu.error, f"does not answer (NVML error {gpu.error})")
    where = f" ({gpu.name})" if gpu.name else ""
    look = Remedy(
        "If it comes again: read what the kernel says; look at power, cables, slot, temperature",
        commands=("sudo journalctl -k -b -g 'NVRM: Xid'",),
    )
    return Finding(
        f"GPU {gpu.index}{where} {fate}",
        "The driver still runs, but nothing can be computed on this GPU until it is back.",
        (Evidence(source, actual=f"NVML error {gpu.error}"),),
        tuple(reset(f"-i {gpu.index}", instance, machine))
        if gpu.error == _RESET
        else (REBOOT, look),
    )


def _hidden(instance: Instance, machine: Machine, count: int) -> Finding:
    value, where = _variable(instance)
    return Finding(
        f"{VARIABLE}={value or '(empty)'} hides every GPU from {instance.name}",
        f"NVML counts {count}; CUDA reads the list up to its first entry that names no GPU.",
        (Evidence(where, "numbers or UUIDs of GPUs that exist", value or "empty"),),
        _ways(instance, machine, where),
        caused_by=(),
    )


def _cut_off(instance: Instance, machine: Machine, behind: tuple[str, ...]) -> Finding:
    value, where = _variable(instance)
    return Finding(
        f"{VARIABLE}={value} hides GPU {', '.join(behind)} from {instance.name}",
        "CUDA reads the list up to its first entry that names no GPU; the rest does not count.",
        (Evidence(where, "numbers or UUIDs of GPUs that exist", value),),
        _ways(instance, machine, where),
        severity=Severity.WARNING,
        caused_by=(),
    )


def _variable(instance: Instance) -> tuple[str, str]:
    """Its value, and where it is set."""
    where = instance.environment_sources.get(VARIABLE, f"environment of {instance.name}")
    return instance.environment[VARIABLE], where


def _ways(instance: Instance, machine: Machine, where: str) -> tuple[Remedy, ...]:
    correct = Remedy(f"Correct {VARIABLE} in {where}, and restart TabbyAPI", Safety.MANUAL)
    if instance.unit is None or instance.beside_unit:
        return (correct,)
    without = DropIn(instance.unit, "gpus-visible", (("UnsetEnvironment", VARIABLE),))
    return (by_drop_in(f"Show {instance.unit.name} every GPU", without, machine), correct)
