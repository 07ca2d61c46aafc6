"""What the driver's own lines in the kernel log say about a card that it does not take: data."""

from __future__ import annotations

from collections.abc import Mapping

from tabbydoctor.api import Evidence, Finding, Remedy, Safety
from tabbydoctor.deployment.parts import Machine
from tabbydoctor.gpu.kernel_log import KernelLog
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.records import dataclass

from .resetting import REBOOT

_SOURCE = "journalctl -k -b -g NVRM"


@dataclass(frozen=True, slots=True)
class _Refusal:
    """One kind of line."""

    title: str
    detail: str
    remedies: tuple[Remedy, ...]
    on_nixos: tuple[Remedy, ...] = ()


_OPEN = Remedy(
    "Install the open kernel modules of the same driver in place of the closed ones, and reboot "
    "(Debian: nvidia-open-kernel-dkms, Ubuntu: nvidia-driver-NUMBER-open)",
    Safety.MANUAL,
    ("apt-cache search --names-only 'nvidia-.*open'",),
)
_OPEN_ON_NIXOS = by_rebuild(
    "Use the open kernel modules, and reboot", "hardware.nvidia.open = true;"
)
_FIRMWARE = Remedy(
    "In the machine's firmware switch on Above 4G Decoding (and Resizable BAR); for a virtual "
    "machine, see how the card is passed to it"
)
_REFUSALS: Mapping[str, _Refusal] = {
    "requires use of the NVIDIA open": _Refusal(
        "The GPU needs the open kernel modules, and the closed ones are installed",
        "The closed modules leave this card alone: NVIDIA supports it in the open ones only.",
        (_OPEN,),
        (_OPEN_ON_NIXOS,),
    ),
    "Legacy drivers": _Refusal(
        "The GPU is too old for the installed NVIDIA driver",
        "An older branch of the driver knows it; but the present TabbyAPI loads models on cards "
        "of compute capability 8.0 and newer only.",
        (Remedy("Use a newer card, or the branch that the line names"),),
    ),
    "PCI I/O region assigned to your NVIDIA device is invalid": _Refusal(
        "The machine's firmware gave the GPU no room in its address space",
        "The driver cannot reach the card's memory.",
        (_FIRMWARE,),
    ),
    "RmInitAdapter failed": _Refusal(
        "The NVIDIA driver could not start the GPU",
        "The card is on the bus, and did not come up: often its power, its slot or its firmware.",
        (REBOOT, Remedy("If it comes again: look at power cables, riser and slot"), _FIRMWARE),
    ),
}


def refusal(log: KernelLog | None, machine: Machine) -> Finding | None:
    """What the first line that fits says, or None without one."""
    for words, kind in _REFUSALS.items():
        line = log.first(words) if log else None
        if line:
            remedies = (machine.nixos and kind.on_nixos) or kind.remedies
            return Finding(
                kind.title, kind.detail, (Evidence(_SOURCE, actual=line.text),), remedies
            )
    return None
