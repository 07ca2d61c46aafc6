"""Everything that tells why NVML does not work."""

from __future__ import annotations

from tabbydoctor.api import Evidence
from tabbydoctor.deployment.parts import Machine
from tabbydoctor.gpu.cuda_use import CudaUse
from tabbydoctor.gpu.driver import DeviceNodes, Driver
from tabbydoctor.gpu.kernel_log import KernelLog
from tabbydoctor.records import dataclass

NO_PERMISSION, LIBRARY_NOT_FOUND, BLOCKED, UNKNOWN_ERROR = 4, 12, 17, 999
REFUSED = (NO_PERMISSION, BLOCKED, UNKNOWN_ERROR)
"""NVML was kept from the nodes, which need not be so for TabbyAPI."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything the cause is told from."""

    driver: Driver
    machine: Machine
    nodes: DeviceNodes
    log: KernelLog | None
    use: CudaUse

    @property
    def no_library(self) -> bool:
        """The user library could not be loaded."""
        return self.driver.nvml.error == LIBRARY_NOT_FOUND

    @property
    def nvml(self) -> Evidence:
        """What NVML said, as evidence."""
        said = self.driver.nvml.load_error if self.no_library else ""
        return Evidence("nvmlInit", actual=said or self.driver.problem)

    @property
    def seen(self) -> tuple[Evidence, ...]:
        """What NVML and TabbyAPI's own log said."""
        own = Evidence(self.use.source, "a CUDA device", self.use.line)
        return (self.nvml, own) if self.use.failure else (self.nvml,)
