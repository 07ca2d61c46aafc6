"""The unit's sandbox hides the GPU from TabbyAPI.

## What it checks
`PrivateDevices=`, `DevicePolicy=` and `DeviceAllow=` of TabbyAPI's unit.

## Why it matters
With `PrivateDevices=yes` the NVIDIA nodes do not exist for the service. With a closed or strict
device policy, or as soon as one `DeviceAllow=` is set (`ProtectClock=yes` sets one too), only
what is listed may be opened. TabbyAPI then sees no GPU while `nvidia-smi` works in a shell.

## How it is told
From the unit as `systemctl show` prints it. Needed are the major 195 (nvidiactl and the GPUs)
and nvidia-uvm, each readable and writable. Groups such as `char-nvidia` are looked up in
`/proc/devices`, as systemd does when the service starts; unknown ones are skipped.

## What to do
Add a drop-in with the settings the remedy names, and restart the service.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import CURE, Absent, Cure, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.gpu.device_policy import closed_to, hides_dev
from tabbydoctor.gpu.driver import DeviceNodes
from tabbydoctor.gpu.drop_ins import with_devices
from tabbydoctor.gpu.need import GpuNeed

from ..drop_in import by_drop_in


@check(
    "GRP003",
    "unit-hides-devices",
    category="groups",
    severity=Severity.ERROR,
    cure=Cure("tabbydoctor.remedies.groups:show_devices", Safety.UNSAFE),
)
def unit_hides_devices(
    need: GpuNeed, instance: Instance, machine: Machine, nodes: DeviceNodes
) -> Iterator[Finding]:
    if instance.contained:
        raise Absent(f"{instance.container} is given its devices by its engine")
    unit = instance.unit
    if unit is None:
        raise Absent(f"{instance.name} is not run by a unit")
    if machine.wsl:
        raise Absent("WSL has no NVIDIA device nodes")
    private, closed = hides_dev(unit), list(closed_to(unit, nodes))
    if not (private or closed):
        return
    what = "PrivateDevices=yes" if private else _policy(unit)
    yield Finding(
        f"{unit.name} hides the GPU from TabbyAPI: {what}",
        "The service has no access to " + (", ".join(closed) or "the nodes in /dev") + ".",
        tuple(_evidence(unit, private, bool(closed))),
        tuple(_remedies(unit, machine, nodes)),
    )


def _remedies(unit: Unit, machine: Machine, nodes: DeviceNodes) -> Iterator[Remedy]:
    title = f"Let {unit.name} use the GPU"
    by_hand = by_drop_in(title, with_devices(unit, nodes), machine)
    yield by_hand
    if by_hand.safety is not Safety.MANUAL:
        yield CURE


def _policy(unit: Unit) -> str:
    policy = unit.get("DevicePolicy", "auto")
    return f"DevicePolicy={policy}" if policy in ("closed", "strict") else "DeviceAllow="


def _evidence(unit: Unit, private: bool, closed: bool) -> Iterator[Evidence]:
    if private:
        yield Evidence(_source(unit, "PrivateDevices"), "no", "yes")
    if closed and not private:
        policy = unit.get("DevicePolicy", "auto")
        allowed = "; ".join(unit.get("DeviceAllow").splitlines()) or "nothing listed"
        yield Evidence(
            _source(unit, "DeviceAllow" if policy == "auto" else "DevicePolicy"),
            "char-nvidia and char-nvidia-uvm allowed (rw)",
            f"DevicePolicy={policy}, DeviceAllow: {allowed}",
        )


def _source(unit: Unit, setting: str) -> str:
    """The line that sets it, or the command that shows it."""
    for file in reversed(unit.files):
        line = file.line_of(f"{setting}=")
        if line is not None:
            return f"{file.path}:{line}"
    return f"systemctl show -p {setting} {unit.name}"
