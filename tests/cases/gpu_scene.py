"""The machine of `scene`, with a GPU, its driver and a TabbyAPI that needs both."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

from tabbydoctor.host.data import CommandResult, NvmlCondition, NvmlGpu, NvmlState

from .scene import CONFIG, MODEL, TABBY, UNIT, Scene, failed, refusing

VERSION = "580.95.05"
RTX = NvmlGpu(
    0, "NVIDIA GeForce RTX 3090", "GPU-3090", 0, "00000000:01:00.0", (8, 6), 24 << 30, 23 << 30
)
A100 = replace(
    RTX, name="NVIDIA A100", compute_capability=(8, 0), condition=NvmlCondition(compute_mode=0)
)
LIBRARY = f"/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.{VERSION}"
WORKS = NvmlState(library=LIBRARY, driver=VERSION, cuda=(13, 0), gpus=(RTX,))
NODES = {"nvidiactl": (195, 255), "nvidia0": (195, 0), "nvidia-uvm": (234, 0)}
DEVICES = "Character devices:\n195 nvidia\n234 nvidia-uvm\n\nBlock devices:\n"
EXITED = f"{UNIT}: Main process exited, code=exited, status=1/FAILURE"


def refused(code: int) -> NvmlState:
    """NVML with its library, and an error in place of an answer."""
    return NvmlState(library=LIBRARY, error=code, error_text="refused")


@dataclass
class GpuScene(Scene):
    """Everything healthy but what a case says; the nodes are files of their own."""

    skip: str = ""
    nvml: NvmlState | None = field(default_factory=lambda: WORKS)
    kernel: tuple[str, ...] = ()
    """What the kernel has logged."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.model()
        self.write(f"{TABBY}/config.yml", f"{CONFIG}{MODEL}")
        self.write("/proc/sys/kernel/osrelease", "6.1.0\n")
        self.write("/sys/module/nvidia/initstate", "live\n")
        self.write("/sys/module/nvidia/version", f"{VERSION}\n")
        self.write("/proc/devices", DEVICES)
        for name, numbers in NODES.items():
            self.node(name, numbers)
        self.write("/usr/lib/x86_64-linux-gnu/libcuda.so.1", "")

    def node(self, name: str, numbers: tuple[int, int], mode: int = 0o666, gid: int = 0) -> None:
        """A device node, made anew."""
        path = self.root / "dev" / name
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        os.mknod(path, 0o020000 | mode, os.makedev(*numbers))
        path.chmod(mode)
        os.chown(path, 0, gid)

    def without(self, *paths: str) -> None:
        """Files that are not there."""
        for path in paths:
            (self.root / path[1:]).unlink()

    def ends_with(self, *lines: str) -> None:
        """TabbyAPI has ended as it began to load its model, having logged these lines."""
        self.state, self.endpoint = failed(1), refusing()
        self.log = (*lines, EXITED)

    def _journal(self, argv: tuple[str, ...]) -> CommandResult:
        if "-k" in argv:
            lines = "".join(f"1800000000.0 host kernel: {line}\n" for line in self.kernel)
            return CommandResult(argv, 0, lines)
        return super()._journal(argv)
