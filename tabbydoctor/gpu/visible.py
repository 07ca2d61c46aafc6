"""The GPUs a process sees: CUDA_VISIBLE_DEVICES (CUDA C++ Programming Guide)."""

from __future__ import annotations

from collections.abc import Mapping

from tabbydoctor.documents import whole_number
from tabbydoctor.host import NvmlState
from tabbydoctor.host.data import NvmlGpu

VARIABLE = "CUDA_VISIBLE_DEVICES"
_INSTANCE = "MIG-"


def visible_gpus(state: NvmlState, environment: Mapping[str, str]) -> tuple[NvmlGpu, ...] | None:
    """The GPUs CUDA shows under that environment, or None where it cannot be told (MIG).

    Numbers are taken in NVML's order, which is CUDA's only under CUDA_DEVICE_ORDER=PCI_BUS_ID:
    see `in_bus_order`.
    """
    chosen = environment.get(VARIABLE)
    if chosen is None:
        return state.gpus
    if "MIG" in chosen:
        return None
    visible: list[NvmlGpu] = []
    for entry in (part.strip() for part in chosen.split(",")):
        gpu = _named(state, entry)
        if gpu is None or gpu in visible:  # CUDA stops at the first entry that is none
            break
        visible.append(gpu)
    return tuple(visible)


def named_instances(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The MIG instances that the variable names; empty where it names none."""
    entries = (part.strip() for part in environment.get(VARIABLE, "").split(","))
    return tuple(entry for entry in entries if entry.startswith(_INSTANCE))


def cut_off(state: NvmlState, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The entries that name a GPU, and stand behind one that names none: CUDA ignores them."""
    visible = visible_gpus(state, environment)
    if visible is None or VARIABLE not in environment:
        return ()
    entries = [part.strip() for part in environment[VARIABLE].split(",")]
    return tuple(
        entry
        for entry in entries[len(visible) :]
        if (gpu := _named(state, entry)) is not None and gpu not in visible
    )


def in_bus_order(state: NvmlState, environment: Mapping[str, str]) -> bool:
    """Whether a number means the same GPU to CUDA as to NVML."""
    alike = len({(gpu.name, gpu.compute_capability) for gpu in state.gpus}) <= 1
    return alike or environment.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"


def _named(state: NvmlState, entry: str) -> NvmlGpu | None:
    number = whole_number(entry)
    if number is not None:
        return next((gpu for gpu in state.gpus if gpu.index == number), None)
    if not entry.startswith("GPU-"):
        return None
    return next((gpu for gpu in state.gpus if (gpu.uuid or "").startswith(entry)), None)
