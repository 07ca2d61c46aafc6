"""What a unit's device policy leaves open: systemd.resource-control(5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from tabbydoctor.deployment.unit import Unit
from tabbydoctor.gpu.driver import NVIDIA_MAJOR, DeviceNodes

# The names of major 195 in /proc/devices, by the driver's age; used where the driver is not
# loaded and the list cannot be looked up.
_USUAL_NAMES = {
    "nvidia": NVIDIA_MAJOR,
    "nvidia-frontend": NVIDIA_MAJOR,
    "nvidiactl": NVIDIA_MAJOR,
    "nvidia-modeset": NVIDIA_MAJOR,
}
_UVM = "/dev/nvidia-uvm"
_ANY_UVM_MAJOR = -1
_ALLOW = (("DeviceAllow", "char-nvidia* rw"),)


def list_is_in_force(unit: Unit) -> bool:
    """Whether DeviceAllow= has entries, which alone closes the policy."""
    return bool(unit.get("DeviceAllow").strip())


def closed_to(unit: Unit, nodes: DeviceNodes) -> Iterator[str]:
    """The nodes CUDA needs that the policy does not allow to read and write."""
    if unit.user_manager:
        return  # a user manager cannot enforce a device policy
    if unit.get("DevicePolicy", "auto") in ("", "auto") and not list_is_in_force(unit):
        return
    allowed = list(_entries(unit.get("DeviceAllow")))
    majors = nodes.majors if NVIDIA_MAJOR in nodes.majors.values() else _USUAL_NAMES
    uvm = nodes.majors.get("nvidia-uvm")
    names = {**majors, "nvidia-uvm": _ANY_UVM_MAJOR if uvm is None else uvm}
    gpus = [f"/dev/nvidia{minor}" for minor in sorted(nodes.gpus)] or ["/dev/nvidia0"]
    control = _open("/dev/nvidiactl", NVIDIA_MAJOR, allowed, names)
    open_gpus = [path for path in gpus if _open(path, NVIDIA_MAJOR, allowed, names)]
    if not control:
        yield "/dev/nvidiactl"
    if not open_gpus:
        yield from gpus
    if not _open(_UVM, names["nvidia-uvm"], allowed, names):
        yield _UVM


def hides_dev(unit: Unit) -> bool:
    """Whether PrivateDevices= gives the service a /dev without the GPU's nodes."""
    return unit.flag("PrivateDevices") and "/dev/nvidia" not in unit.get("BindPaths")


def openings(unit: Unit, nodes: DeviceNodes) -> tuple[tuple[str, str], ...]:
    """The settings of a drop-in that give a unit the GPU; empty where nothing hides it.

    PrivateDevices=yes closes the policy by itself: then its own line is enough.
    """
    private, closed = hides_dev(unit), bool(list(closed_to(unit, nodes)))
    written = any(
        file.line_of("DevicePolicy=") or file.line_of("DeviceAllow=") for file in unit.files
    )
    wanted = (("PrivateDevices", "no"),) if private else ()
    needs_list = closed and (not private or written or list_is_in_force(unit))
    return wanted + (_ALLOW if needs_list else ())


def _entries(shown: str) -> Iterator[str]:
    """The paths and groups that may be read and written; no rights stand for all."""
    for line in shown.splitlines():
        what, _, rights = line.strip().partition(" ")
        if what and {"r", "w"} <= set(rights or "rwm"):
            yield what


def _open(path: str, major: int, allowed: list[str], names: Mapping[str, int]) -> bool:
    return any(entry == path or _group_covers(entry, major, names) for entry in allowed)


def _group_covers(entry: str, major: int, names: Mapping[str, int]) -> bool:
    if entry.startswith(f"/dev/char/{major}:"):
        return True
    kind, found, group = entry.partition("-")
    if kind != "char" or not found:
        return False
    if group == "*" or group == str(major):
        return True
    return any(fnmatchcase(name, group) and number == major for name, number in names.items())
