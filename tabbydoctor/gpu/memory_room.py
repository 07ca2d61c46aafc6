"""How much memory the GPUs that TabbyAPI uses have, how much is free, and what holds the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import PurePosixPath

from tabbydoctor.deployment.containers import container_of
from tabbydoctor.deployment.parts import Instance, Machine, ProcessTable
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.gpu.byte_range import GIB
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.visible import VARIABLE, in_bus_order, visible_gpus
from tabbydoctor.host.data import NvmlGpu, Process
from tabbydoctor.tabbyapi.config import EffectiveConfig


@dataclass(frozen=True, slots=True)
class MemoryHolder:
    """A process of others that holds memory of a GPU."""

    gpu: int
    pid: int
    name: str | None
    """Its program; None where it may not be seen."""
    used_bytes: int | None
    unit: str | None = None
    """The system's unit it belongs to."""
    container: str | None = None
    """The container it runs in, for example `docker 4b1d4b1d4b1d`."""


@dataclass(frozen=True, slots=True)
class MemoryRoom:
    """The memory there is for TabbyAPI, in bytes."""

    gpus: tuple[NvmlGpu, ...]
    total: int
    free: int
    """Free now, and what TabbyAPI's own processes hold."""
    own: int | None
    """What TabbyAPI's own processes hold; None where NVML does not say."""
    holders: tuple[MemoryHolder, ...] = ()
    """The others, those that hold most first."""
    unsplit: MemoryRoom | None = None
    """What there would be without `gpu_split`; None where there is none."""
    unordered: str = ""
    """Why it is only the most that it can be: the order of the GPUs is not known."""

    @property
    def limits(self) -> bool:
        """Whether `gpu_split` leaves less than the GPUs have."""
        return self.unsplit is not None and self.total < self.unsplit.total

    @property
    def where(self) -> str:
        """The GPUs in words."""
        numbers = [str(gpu.index) for gpu in self.gpus]
        return f"GPU {numbers[0]}" if len(numbers) == 1 else f"GPUs {', '.join(numbers)}"


def memory_room(
    driver: Driver,
    instance: Instance,
    config: EffectiveConfig,
    machine: Machine,
    processes: ProcessTable | None,
) -> MemoryRoom:
    """Add up the GPUs that TabbyAPI uses.

    Raises Absent without a working driver or a GPU, Unknown where NVML does not tell.
    """
    if not driver.works:
        raise Absent(f"the driver does not work: {driver.problem}")
    # Inside a container the numbers NVML gives are those outside, of other processes.
    table = None if machine.container else processes
    split = config.value("model", "gpu_split")
    limits = split if isinstance(split, list) else []
    used = _used(driver, instance, in_order=bool(limits))
    shares = shares_of(limits, len(used))
    chosen = [(gpu, share) for gpu, share in zip(used, shares, strict=True) if share > 0]
    if not chosen:
        raise Unknown("which GPUs are used: model.gpu_split leaves none of them any memory")
    gpus = tuple(gpu for gpu, _ in chosen)
    ours = _own_pids(gpus, instance, table)
    held = [one.used_bytes for gpu in gpus for one in gpu.processes if one.pid in ours]
    return MemoryRoom(
        gpus,
        sum(int(min(gpu.total_bytes or 0, share)) for gpu, share in chosen),
        sum(int(min(_available(gpu, ours), share)) for gpu, share in chosen),
        None if None in held else sum(amount or 0 for amount in held),
        tuple(sorted(_holders(gpus, ours, table), key=lambda one: -(one.used_bytes or 0))),
    )


def _available(gpu: NvmlGpu, ours: Set[int]) -> int:
    own = sum(one.used_bytes or 0 for one in gpu.processes if one.pid in ours)
    return (gpu.free_bytes or 0) + own


def _used(driver: Driver, instance: Instance, *, in_order: bool) -> tuple[NvmlGpu, ...]:
    """The GPUs that CUDA shows; `in_order`: their order must be known too."""
    state = driver.nvml
    visible = visible_gpus(state, instance.environment)
    chosen = instance.environment.get(VARIABLE, "")
    some = visible is not None and set(visible) != set(state.gpus)
    by_number = in_order or (some and chosen.lstrip()[:1].isdecimal())
    if visible is None or (by_number and not in_bus_order(state, instance.environment)):
        raise Unknown(f"which GPUs {VARIABLE} means: set CUDA_DEVICE_ORDER=PCI_BUS_ID")
    if not visible:
        raise Absent("TabbyAPI sees no GPU")
    for gpu in visible:
        if gpu.error or gpu.total_bytes is None or gpu.free_bytes is None:
            raise Unknown(f"NVML does not tell the memory of GPU {gpu.index}")
    return visible


def shares_of(split: Sequence[object], gpus: int) -> list[float]:
    """What `gpu_split` (GiB) leaves each GPU; everything without one, or with a single GPU.

    It limits what torch takes; CUDA's context comes on top, hence one more GiB.
    """
    if gpus == 1 or not split:
        return [float("inf")] * gpus
    shares = [one if isinstance(one, int | float) else 0 for one in split[:gpus]]
    limits = [(share + 1) * GIB if share > 0 else 0.0 for share in shares]
    return limits + [0.0] * (gpus - len(limits))


def _own_pids(
    gpus: Iterable[NvmlGpu], instance: Instance, table: ProcessTable | None
) -> frozenset[int]:
    """TabbyAPI's: its process, and those of its control group (cgroups(7))."""
    server = instance.process
    if server is None:
        return frozenset()
    pids = {one.pid for gpu in gpus for one in gpu.processes}
    seen = [process for process in map(table.process, pids) if process] if table else []
    group = server.cgroup if server.cgroup.strip("/") else None
    return frozenset({server.pid, *(one.pid for one in seen if group and one.cgroup == group)})


def _holders(
    gpus: Sequence[NvmlGpu], ours: Set[int], table: ProcessTable | None
) -> Iterator[MemoryHolder]:
    for gpu in gpus:
        for process in gpu.processes:
            if process.pid not in ours:
                seen = table.process(process.pid) if table else None
                unit = seen.unit if seen and not seen.user_unit else None
                inside = container_of(seen) if seen else None
                yield MemoryHolder(
                    gpu.index, process.pid, _name(seen), process.used_bytes, unit, inside
                )


def _name(process: Process | None) -> str | None:
    program = (process.executable or " ".join(process.argv[:1])) if process else ""
    return PurePosixPath(program).name or None


GATHERERS = (memory_room,)
