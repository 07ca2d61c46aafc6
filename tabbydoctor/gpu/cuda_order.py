"""Which GPU CUDA's numbers mean: its default order is not NVML's.

CUDA numbers the fastest GPU first and leaves the order of the others open (CUDA C++ Programming
Guide, CUDA_DEVICE_ORDER); NVML, and so nvidia-smi, numbers by the PCI bus.
"""

from __future__ import annotations

from collections.abc import Mapping

from tabbydoctor.gpu.visible import VARIABLE, in_bus_order, visible_gpus
from tabbydoctor.host import NvmlState
from tabbydoctor.host.data import NvmlGpu
from tabbydoctor.records import dataclass

ORDER = "CUDA_DEVICE_ORDER"
BY_BUS = "PCI_BUS_ID"


@dataclass(frozen=True, slots=True)
class CudaOrder:
    """The GPUs that TabbyAPI sees."""

    gpus: tuple[NvmlGpu, ...]
    """In CUDA's order where it is certain, else in NVML's, and then all of them where it is not
    even certain which."""
    certain: bool
    """Whether CUDA's numbers are known."""
    visible: str | None = None
    """What CUDA_VISIBLE_DEVICES says; None where it is not set."""
    told_by: str = ""
    """Where it is set."""

    def number(self, gpu: NvmlGpu) -> int | None:
        """CUDA's number of a GPU in TabbyAPI; None where it is not certain, or not seen."""
        return self.gpus.index(gpu) if self.certain and gpu in self.gpus else None

    @property
    def variables(self) -> tuple[tuple[str, str], ...]:
        """Name and value of what makes the order certain; none where it is."""
        if self.certain:
            return ()
        numbers = ",".join(str(gpu.index) for gpu in self.gpus)
        return ((ORDER, BY_BUS), (VARIABLE, self.visible or numbers))


def cuda_order(
    state: NvmlState, environment: Mapping[str, str], sources: Mapping[str, str] | None = None
) -> CudaOrder:
    """The order under that environment; `sources`: where a variable is set."""
    seen, chosen = visible_gpus(state, environment), environment.get(VARIABLE)
    told_by = (sources or {}).get(VARIABLE, "")
    if seen is None:
        return CudaOrder(state.gpus, False, chosen, told_by)
    by_name = chosen is not None and not chosen.lstrip()[:1].isdecimal()
    certain = len(state.gpus) == 1 or by_name or in_bus_order(state, environment)
    return CudaOrder(seen if certain or by_name else state.gpus, certain, chosen, told_by)
