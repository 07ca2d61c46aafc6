"""The NVIDIA driver, its GPUs and device nodes."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from tabbydoctor.deployment.parts import Machine
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.host import Host, NvmlState
from tabbydoctor.host.access import PathStatus
from tabbydoctor.records import dataclass, field

NVIDIA_MAJOR = 195
_VERSION = re.compile(r"\b(\d{3,}\.\d+(?:\.\d+)?)\b")
_MODULE_FILE = re.compile(
    r"^\S*/(nvidia(?:-current|-tesla\S*|-legacy\S*)?)\.ko(?:\.\w+)?:", re.MULTILINE
)
_SIGNING_KEYS = (
    "/var/lib/shim-signed/mok/MOK.der",
    "/var/lib/dkms/mok.pub",
    "/etc/pki/akmods/certs/public_key.der",
)
"""Where Ubuntu, DKMS and Fedora's akmods keep it."""
_NODE = re.compile(r"nvidia(?:\d+|ctl|-uvm|-uvm-tools)")


@dataclass(frozen=True, slots=True)
class PciGpu:
    """An NVIDIA display controller on the PCI bus, and the kernel driver that holds it."""

    address: str
    driver: str | None = None


@dataclass(frozen=True, slots=True)
class Driver:
    """The NVIDIA driver: the kernel's part, the user's part, and what NVML makes of them."""

    nvml: NvmlState
    module_version: str | None = None
    """The loaded module's, from /sys/module/nvidia or /proc/driver/nvidia."""
    module_live: bool = False
    module_file: bool | None = None
    """Whether a module is installed for the running kernel; None where that cannot be read."""
    kernel: str = ""
    """The running kernel's release."""
    nouveau: bool = False
    secure_boot: bool | None = None
    signing_key: str | None = None
    """The machine owner's key that signs modules built here: its file, as mokutil(1) takes it."""
    pci_gpus: tuple[PciGpu, ...] | None = None
    """None where the PCI bus cannot be read (or there is none, as in WSL)."""
    modprobe: str | None = None
    """The path of nvidia-modprobe."""
    modprobe_setuid: bool = False
    """Whether any program may have nvidia-modprobe create missing nodes at first use."""

    @property
    def works(self) -> bool:
        """NVML could be initialised."""
        return self.nvml.error is None and not self.nvml.not_tried

    @property
    def problem(self) -> str:
        """Why NVML does not work, in words; empty when it does."""
        if self.nvml.not_tried:
            return self.nvml.not_tried
        if self.nvml.error is None:
            return ""
        return f"NVML error {self.nvml.error}: {self.nvml.error_text.rstrip('.')}"

    @property
    def library_version(self) -> str | None:
        """The user library's version, from the name of its file."""
        found = _VERSION.search(PurePosixPath(self.nvml.library or "").name)
        return found[1] if found else None


@dataclass(frozen=True, slots=True)
class DeviceNodes:
    """The NVIDIA device nodes and the majors the kernel registered (/proc/devices)."""

    nodes: Mapping[str, PathStatus] = field(default_factory=dict)
    """Path -> its status and its directories'."""
    majors: Mapping[str, int] = field(default_factory=dict)
    """Name of a character device -> its major number."""

    @property
    def gpus(self) -> dict[int, PathStatus]:
        """/dev/nvidiaN by N."""
        found = ((re.fullmatch(r"/dev/nvidia(\d+)", path), at) for path, at in self.nodes.items())
        return {int(match[1]): at for match, at in found if match}

    def stale(self, path: str) -> bool:
        """Whether a node's major is not the one its driver has now."""
        node = self.nodes.get(path)
        name = PurePosixPath(path).name
        expected = self.majors.get(name) if name.startswith("nvidia-") else NVIDIA_MAJOR
        if node is None or expected is None or not node.leaf.is_device:
            return False
        return os.major(node.leaf.device) != expected


def driver(host: Host, machine: Machine, need: GpuNeed) -> Driver:
    """Look at the driver. The machine may have none: that is for checks to judge.

    Raises Absent (as `gpu_need` does) where TabbyAPI needs no GPU: NVML is left alone then.
    """
    kernel = _text(host, "/proc/sys/kernel/osrelease")
    shown = _VERSION.search(_text(host, "/proc/driver/nvidia/version"))
    modprobe, setuid = _modprobe(host)
    return Driver(
        nvml=host.nvml(),
        module_version=_text(host, "/sys/module/nvidia/version") or (shown[1] if shown else None),
        module_live=_text(host, "/sys/module/nvidia/initstate") == "live" or shown is not None,
        module_file=_module_file(host, kernel),
        kernel=kernel,
        nouveau="nouveau" in _names(host, "/sys/module"),
        secure_boot=_secure_boot(host),
        signing_key=next((path for path in _SIGNING_KEYS if _is_file(host, path)), None),
        pci_gpus=None if machine.wsl else _pci_gpus(host),
        modprobe=modprobe,
        modprobe_setuid=setuid,
    )


def _module_file(host: Host, kernel: str) -> bool | None:
    for root in ("/lib/modules", "/run/booted-system/kernel-modules/lib/modules"):
        text = _text(host, f"{root}/{kernel}/modules.dep", 32 << 20)
        if text:
            return _MODULE_FILE.search(text) is not None
    return None


def _secure_boot(host: Host) -> bool | None:
    """The last byte of the EFI variable: four bytes of attributes, then 0 or 1."""
    directory = "/sys/firmware/efi/efivars"
    for name in _names(host, directory):
        if name.startswith("SecureBoot-"):
            try:
                return host.read(f"{directory}/{name}", 16).data[4:5] == b"\x01"
            except OSError:
                return None
    return None


def _pci_gpus(host: Host) -> tuple[PciGpu, ...] | None:
    devices = "/sys/bus/pci/devices"
    addresses = _names(host, devices)
    return tuple(_nvidia_displays(host, devices, addresses)) if addresses else None


def _nvidia_displays(host: Host, devices: str, addresses: list[str]) -> Iterator[PciGpu]:
    for address in addresses:
        here = f"{devices}/{address}"
        # PCI: vendor 0x10de is NVIDIA, class 0x03 a display controller.
        if _text(host, f"{here}/vendor") == "0x10de" and _text(host, f"{here}/class")[:4] == "0x03":
            link = host.real_path(f"{here}/driver")
            holder = PurePosixPath(link).name
            yield PciGpu(address, None if holder == "driver" else holder)


def _modprobe(host: Host) -> tuple[str | None, bool]:
    for path in ("/usr/bin/nvidia-modprobe", "/run/wrappers/bin/nvidia-modprobe"):
        try:
            found = host.status(path)
        except OSError:
            continue
        return path, bool(found.mode & stat.S_ISUID) and found.uid == 0
    return None, False


def device_nodes(host: Host) -> DeviceNodes:
    """The nodes with their directories; those that cannot be looked at are left out."""
    nodes: dict[str, PathStatus] = {}
    for name in _names(host, "/dev"):
        if _NODE.fullmatch(name):
            chain = ("/", "/dev", f"/dev/{name}")
            try:
                nodes[f"/dev/{name}"] = PathStatus(tuple(host.status(path) for path in chain))
            except OSError:
                continue
    return DeviceNodes(nodes, _majors(_text(host, "/proc/devices")))


def _majors(text: str) -> dict[str, int]:
    """The character section of /proc/devices."""
    section = text.partition("Block devices:")[0]
    return {name: int(major) for major, name in re.findall(r"(?m)^\s*(\d+) (\S+)$", section)}


def _is_file(host: Host, path: str) -> bool:
    try:
        return host.status(path).is_file
    except OSError:
        return False


def _text(host: Host, path: str, limit: int = 64 << 10) -> str:
    try:
        return host.read(path, limit).text().strip()
    except OSError:
        return ""


def _names(host: Host, directory: str) -> list[str]:
    try:
        return list(host.names(directory))
    except OSError:
        return []


GATHERERS = (
    driver,
    device_nodes,
)
