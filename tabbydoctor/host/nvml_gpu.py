"""What the NVIDIA Management Library tells of one GPU: each question is put by itself, for a card
may not know it, and may be lost between two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from tabbydoctor.host.data import NvmlCondition, NvmlGpu, NvmlProcess
from tabbydoctor.records import dataclass, field

T = TypeVar("T")

_INSUFFICIENT_SIZE = 7
_FUNCTION_NOT_FOUND = 13
_LOST_OR_RESET = (15, 16)
_ATTEMPTS = 3
_MOST_INSTANCES = 16


def or_none(question: Callable[[], T]) -> T | None:
    """The answer, or None where NVML has none."""
    import pynvml

    try:
        return question()
    except pynvml.NVMLError:
        return None


def read_gpu(index: int) -> NvmlGpu:
    """One GPU. Only a lost GPU, or one that needs a reset, counts as its error, whenever that is
    said; one without a handle tells nothing else."""
    import pynvml

    try:
        gpu = _Questions(pynvml.nvmlDeviceGetHandleByIndex(index))
    except pynvml.NVMLError as error:
        return NvmlGpu(index, error=error.value)
    memory = gpu.ask(pynvml.nvmlDeviceGetMemoryInfo)
    pci = gpu.ask(pynvml.nvmlDeviceGetPciInfo)
    return NvmlGpu(
        index,
        name=gpu.ask(pynvml.nvmlDeviceGetName),
        uuid=gpu.ask(pynvml.nvmlDeviceGetUUID),
        minor=gpu.ask(pynvml.nvmlDeviceGetMinorNumber),
        bus_id=pci.busId if pci else None,
        compute_capability=gpu.ask(pynvml.nvmlDeviceGetCudaComputeCapability),
        total_bytes=memory.total if memory else None,
        free_bytes=memory.free if memory else None,
        processes=tuple(_processes(pynvml, gpu)),
        condition=_condition(pynvml, gpu),
        error=next((code for code in gpu.errors if code in _LOST_OR_RESET), 0),
    )


@dataclass
class _Questions:
    """The questions to one GPU, and the codes of those it did not answer."""

    handle: Any
    errors: list[int] = field(default_factory=list)

    def ask(self, question: Callable[..., T], *more: object) -> T | None:
        import pynvml

        try:
            return question(self.handle, *more)
        except pynvml.NVMLError as error:
            self.errors.append(error.value)
            return None


def _processes(pynvml: Any, gpu: _Questions) -> Iterator[NvmlProcess]:
    """Asked anew where the list grew in between. Drivers before 510 have the older call alone."""
    for _ in range(_ATTEMPTS):
        found = gpu.ask(pynvml.nvmlDeviceGetComputeRunningProcesses_v3)
        if found is None and gpu.errors[-1] == _FUNCTION_NOT_FOUND:
            found = gpu.ask(pynvml.nvmlDeviceGetComputeRunningProcesses_v2)
        if found is not None:
            yield from (NvmlProcess(one.pid, one.usedGpuMemory) for one in found)
            return
        if gpu.errors[-1] != _INSUFFICIENT_SIZE:
            return


def _condition(pynvml: Any, gpu: _Questions) -> NvmlCondition:
    mig = gpu.ask(pynvml.nvmlDeviceGetMigMode)
    rows = gpu.ask(pynvml.nvmlDeviceGetRemappedRows)
    pages = gpu.ask(pynvml.nvmlDeviceGetRetiredPagesPendingStatus)
    busy = gpu.ask(pynvml.nvmlDeviceGetUtilizationRates)
    return NvmlCondition(
        compute_mode=gpu.ask(pynvml.nvmlDeviceGetComputeMode),
        mig=bool(mig[0]) if mig else None,
        mig_uuids=tuple(_instances(pynvml, gpu)) if mig and mig[0] else None,
        uncorrected_errors=gpu.ask(
            pynvml.nvmlDeviceGetTotalEccErrors,
            pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
            pynvml.NVML_VOLATILE_ECC,
        ),
        pages_pending=None if pages is None else bool(pages),
        rows_pending=bool(rows[2]) if rows else None,
        rows_failed=bool(rows[3]) if rows else None,
        slowed_by=_slowed_by(pynvml, gpu),
        temperature=gpu.ask(pynvml.nvmlDeviceGetTemperature, pynvml.NVML_TEMPERATURE_GPU),
        busy_percent=busy.gpu if busy else None,
    )


def _slowed_by(pynvml: Any, gpu: _Questions) -> int | None:
    """Drivers before 535 know the question by its older name."""
    reasons = gpu.ask(pynvml.nvmlDeviceGetCurrentClocksEventReasons)
    return gpu.ask(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons) if reasons is None else reasons


def _instances(pynvml: Any, gpu: _Questions) -> Iterator[str]:
    most = gpu.ask(pynvml.nvmlDeviceGetMaxMigDeviceCount) or 0
    for number in range(min(most, _MOST_INSTANCES)):
        handle = gpu.ask(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, number)
        uuid = _Questions(handle).ask(pynvml.nvmlDeviceGetUUID) if handle else None
        if uuid:
            yield str(uuid)
