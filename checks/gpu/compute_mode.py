"""The compute mode of a GPU keeps TabbyAPI out.

## What it checks
The compute mode of the GPUs TabbyAPI uses: prohibited, or for one process alone while another
process has it.

## Why it matters
CUDA refuses every further program: "all CUDA-capable devices are busy or unavailable", however
much memory is free.

## How it is told
By NVML. A GPU that TabbyAPI has a model on, or whose memory its own process holds, is none of
these. Inside a container the processes of others are not judged.

## What to do
Set the mode back to the default, which lets programs share the GPU; it is the default after each
reboot, unless something sets it.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance, Machine, ProcessTable
from tabbydoctor.gpu.cuda_use import CudaUse
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.gpu.used import used_among
from tabbydoctor.host.data import NvmlGpu
from tabbydoctor.tabbyapi.config import EffectiveConfig

_ONE_THREAD, _PROHIBITED, _ONE_PROCESS = 1, 2, 3
_NAMES = {_ONE_THREAD: "exclusive", _PROHIBITED: "prohibited", _ONE_PROCESS: "exclusive"}


@check(
    "GPU011",
    "compute-mode",
    category="gpu",
    severity=Severity.ERROR,
    caused_by=("GPU001", "GPU002"),
)
def compute_mode(
    need: GpuNeed,
    instance: Instance,
    machine: Machine,
    driver: Driver,
    config: EffectiveConfig | None,
    table: ProcessTable | None,
    use: CudaUse | None,
) -> Iterator[Finding]:
    if not driver.works:
        raise Absent(f"the driver does not work: {driver.problem}")
    if use and use.works:
        return
    closed = [gpu for gpu in driver.nvml.gpus if _closed(gpu, instance, machine)]
    for gpu in used_among(closed, driver.nvml, instance, config):
        yield _finding(gpu, instance, table)


def _closed(gpu: NvmlGpu, instance: Instance, machine: Machine) -> bool:
    mode = gpu.condition.compute_mode
    if mode == _PROHIBITED:
        return True
    if mode not in (_ONE_THREAD, _ONE_PROCESS) or machine.container:
        return False
    own = instance.process.pid if instance.process else None
    return any(one.pid != own for one in gpu.processes)


def _finding(gpu: NvmlGpu, instance: Instance, table: ProcessTable | None) -> Finding:
    mode = gpu.condition.compute_mode or 0
    holders = gpu.processes if mode != _PROHIBITED else ()
    names = [_name(one.pid, table) for one in holders]
    held = f", and {names[0]} has it" if names else ""
    return Finding(
        f"The compute mode of GPU {gpu.index} ({gpu.name}) is {_NAMES[mode]}{held}",
        "CUDA refuses TabbyAPI on it: devices are busy or unavailable.",
        (
            Evidence(
                f"nvidia-smi -i {gpu.index} --query-gpu=compute_mode --format=csv,noheader",
                "Default",
                "Prohibited" if mode == _PROHIBITED else "Exclusive_Process",
            ),
            *(Evidence(f"NVML, GPU {gpu.index}", actual=name) for name in names),
        ),
        (
            Remedy(
                "Let programs share it",
                Safety.UNSAFE,
                (f"sudo nvidia-smi -i {gpu.index} -c DEFAULT", *instance.restart),
            ),
        ),
    )


def _name(pid: int, table: ProcessTable | None) -> str:
    process = table.process(pid) if table else None
    program = (process.executable or " ".join(process.argv[:1])) if process else ""
    name = program.rpartition("/")[2]
    return f"{name} (process {pid})" if name else f"process {pid}"
