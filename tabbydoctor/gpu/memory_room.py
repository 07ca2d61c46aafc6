"""How much memory the GPUs that TabbyAPI uses have, how much is free, and what holds the rest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence, Set
from pathlib import PurePosixPath

from tabbydoctor.deployment.containers import container_of
from tabbydoctor.deployment.parts import Instance, Machine, ProcessTable
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.gpu.byte_range import GIB
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.visible import VARIABLE, in_bus_order, visible_gpus
from tabbydoctor.host.data import NvmlGpu, Process
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.config import EffectiveConfig

_RESERVE = 96
"""MiB: TabbyAPI's default."""
_MOST_RESERVED = 1 << 24
"""MiB: 16 TiB, more than any GPU has."""


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
class GpuRoom:
    """What one GPU has for TabbyAPI, in bytes."""

    gpu: NvmlGpu
    total: int
    """Of what `gpu_split` leaves it, where there is one."""
    free: int
    """Free now, and what TabbyAPI's own processes hold; at most `total`."""
    own: int = 0
    """What TabbyAPI's own processes hold."""
    reserve: int = 0
    """What the automatic split keeps free."""

    @property
    def usable(self) -> int:
        """What a model may take now."""
        return max(self.free - self.reserve, 0)


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
    each: tuple[GpuRoom, ...] = ()
    """The same for each GPU, in CUDA's order; none where that order is not known."""
    together: bool = False
    """Whether all of them work on each layer (`tensor_parallel`), not one after the other."""

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
    kept = [0] * len(chosen) if limits and len(used) > 1 else reserves(config, len(used))
    each = tuple(
        _gpu_room(gpu, share, ours, reserve)
        for (gpu, share), reserve in zip(chosen, kept, strict=True)
    )
    return MemoryRoom(
        gpus,
        sum(one.total for one in each),
        sum(one.free for one in each),
        None if None in held else sum(amount or 0 for amount in held),
        tuple(sorted(_holders(gpus, ours, table), key=lambda one: -(one.used_bytes or 0))),
        each=each,
        together=len(used) > 1 and config.value("model", "tensor_parallel") is True,
    )


def _gpu_room(gpu: NvmlGpu, share: float, ours: Set[int], reserve: int) -> GpuRoom:
    own = sum(one.used_bytes or 0 for one in gpu.processes if one.pid in ours)
    total, free = gpu.total_bytes or 0, (gpu.free_bytes or 0) + own
    return GpuRoom(gpu, int(min(total, share)), int(min(free, share)), own, reserve)


def reserves(config: EffectiveConfig, gpus: int) -> list[int]:
    """What the automatic split keeps free on each GPU: `autosplit_reserve`, half a GiB on those it
    does not name; 96 MiB on a single GPU, whatever is configured (TabbyAPI's
    backends/exllamav3/model.py, exllamav3's model/model.py)."""
    told = config.value("model", "autosplit_reserve")
    named = told if isinstance(told, list) and gpus > 1 else [_RESERVE]
    automatic = config.value("model", "gpu_split_auto") is not False
    if gpus > 1 and (not automatic or config.value("model", "tensor_parallel") is True):
        named = [_RESERVE]
    amounts = [_mebibytes(one) for one in named[:gpus]]
    return amounts + [GIB // 2] * (gpus - len(amounts))


def _mebibytes(amount: object) -> int:
    if not isinstance(amount, int | float) or not 0 <= amount < math.inf:
        return 0
    return int(min(amount, _MOST_RESERVED) * (1 << 20))


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
