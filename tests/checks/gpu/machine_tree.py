"""A machine as a tree of real files: what a driver shows in /proc, /sys and /dev."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.gpu.driver import DeviceNodes, Driver, device_nodes, driver
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.host.data import (
    Account,
    CommandResult,
    FileStatus,
    Group,
    NvmlGpu,
    NvmlState,
)
from tabbydoctor.host.local import LocalHost
from tabbydoctor.tabbyapi.config import EffectiveConfig, Origin, Setting

NEED = GpuNeed("the model Example is configured")
LINUX = Machine(systemd=True, root=True)
KERNEL = "6.1.0-18-amd64"
GPU = NvmlGpu(0, "NVIDIA Stub 3090", "GPU-0000", 0, "00000000:01:00.0", (8, 6), 24 << 30, 23 << 30)
WORKS = NvmlState(
    library="/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.550.163.01",
    driver="550.163.01",
    cuda=(12, 4),
    gpus=(GPU,),
)


def configured(split: list[float] | None = None) -> EffectiveConfig:
    """A configured model, with the shares of the GPUs."""
    values = {"model_name": "Example", "gpu_split": split}
    origin = Origin("working-directory", "/srv/tabby/config.yml:2", "/srv/tabby/config.yml", 2)
    settings = {("model", key): Setting("model", key, one, origin) for key, one in values.items()}
    return EffectiveConfig("/srv/tabby", settings)


class TreeHost(LocalHost):
    """The local host with another root directory, NVML, accounts and commands."""

    def __init__(self, root: Path, nvml: NvmlState = WORKS) -> None:
        super().__init__()
        root.mkdir(exist_ok=True)
        root.chmod(0o755)  # pytest closes its directories to others
        self.root = root
        self.files_below = str(root)
        self.state = nvml
        self.commands: dict[str, CommandResult] = {}
        self.known_groups: tuple[Group, ...] = ()

    def _at(self, path: str) -> str:
        return f"{self.root}{path}"

    def status(self, path: str, follow: bool = True) -> FileStatus:
        return replace(super().status(self._at(path), follow), path=path)

    def real_path(self, path: str) -> str:
        return super().real_path(self._at(path)).removeprefix(str(self.root))

    def groups(self) -> Sequence[Group]:
        return self.known_groups

    def nvml(self) -> NvmlState:
        return self.state

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = 10.0,
        limit: int = 4 << 20,
        line_limit: int | None = None,
    ) -> CommandResult:
        return self.commands.get(argv[0], CommandResult(tuple(argv), 127))

    def write(self, path: str, text: str = "") -> None:
        """Put a file into the tree."""
        target = Path(self._at(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def node(self, path: str, major: int, minor: int, mode: int = 0o666, gid: int = 0) -> None:
        """Put a device node into the tree. Skips the test where that is not allowed."""
        target = Path(self._at(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.mknod(target, 0o020000 | mode, os.makedev(major, minor))
            os.chown(target, 0, gid)
        except PermissionError:
            pytest.skip("needs root, to make device nodes")
        target.chmod(mode)

    def driver(self, machine: Machine = LINUX) -> Driver:
        """The driver as the gatherer sees it in the tree."""
        return driver(self, machine, GpuNeed("a test"))

    def nodes(self) -> DeviceNodes:
        """The nodes as the gatherer sees them in the tree."""
        return device_nodes(self)


def loaded(host: TreeHost, version: str = "550.163.01") -> TreeHost:
    """A machine with one GPU and a loaded driver."""
    host.write("/proc/sys/kernel/osrelease", f"{KERNEL}\n")
    host.write("/sys/module/nvidia/version", f"{version}\n")
    host.write("/sys/module/nvidia/initstate", "live\n")
    host.write(
        "/proc/driver/nvidia/version",
        f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {version}  Tue Apr  8 12:41:17 UTC 2025\n"
        "GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n",
    )
    host.write(
        "/proc/devices",
        "Character devices:\n  1 mem\n195 nvidia-frontend\n234 nvidia-uvm\n\n"
        "Block devices:\n  7 loop\n",
    )
    return gpu_on_the_bus(modules(host))


def unloaded(host: TreeHost) -> TreeHost:
    """A machine with one GPU, the driver installed and not loaded."""
    host.write("/proc/sys/kernel/osrelease", f"{KERNEL}\n")
    host.write("/sys/module/ext4/initstate", "live\n")
    host.write("/proc/devices", "Character devices:\n  1 mem\n\nBlock devices:\n  7 loop\n")
    return gpu_on_the_bus(modules(host))


def gpu_on_the_bus(host: TreeHost, vendor: str = "0x10de") -> TreeHost:
    """One display controller."""
    host.write("/sys/bus/pci/devices/0000:01:00.0/vendor", f"{vendor}\n")
    host.write("/sys/bus/pci/devices/0000:01:00.0/class", "0x030000\n")
    return host


def modules(host: TreeHost, *files: str) -> TreeHost:
    """The modules installed for the running kernel."""
    wanted = files or ("updates/dkms/nvidia-uvm.ko", "updates/dkms/nvidia.ko")
    shown = "".join(f"{file}:\n" for file in ("kernel/fs/ext4/ext4.ko", *wanted))
    host.write(f"/lib/modules/{KERNEL}/modules.dep", shown)
    return host


def usual_nodes(host: TreeHost, mode: int = 0o666, gid: int = 0) -> TreeHost:
    """The nodes of one GPU."""
    for path, major, minor in (
        ("/dev/nvidiactl", 195, 255),
        ("/dev/nvidia0", 195, 0),
        ("/dev/nvidia-uvm", 234, 0),
        ("/dev/nvidia-uvm-tools", 234, 1),
    ):
        host.node(path, major, minor, mode, gid)
    return host


def service(environment: Mapping[str, str] | None = None, **properties: str) -> Instance:
    """TabbyAPI as tabbyapi.service."""
    shown = {"Id": "tabbyapi.service", "LoadState": "loaded", "User": "tabby", **properties}
    return Instance(
        "/srv/tabby",
        unit=Unit("tabbyapi.service", shown),
        user=Account("tabby", 5001, 5001, groups=(5001,)),
        environment=environment or {},
    )
