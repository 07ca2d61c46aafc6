"""NVML works, and the device node CUDA needs for its memory is missing or broken.

## What it checks
That `/dev/nvidia-uvm` exists and belongs to the loaded `nvidia_uvm` module, and that TabbyAPI's
log does not say "CUDA unknown error" although it does.

## Why it matters
NVML and `nvidia-smi` do not need this node, CUDA does: `nvidia-smi` shows a healthy GPU while
TabbyAPI fails with "CUDA unknown error" (999). Typical after boot on a machine without a
desktop, and after suspend.

## How it is told
The node is looked for; its major number is compared with `/proc/devices`. Where a setuid
`nvidia-modprobe` would create the node for the service at its first use, this is a remark only.
With the node in its place only TabbyAPI's own log shows that the module is stuck; a node that the
service may not open is the cause then, where GRP001 or GRP003 say so. Not applicable under WSL.

## What to do
`sudo nvidia-modprobe -c 0 -u` creates it; `nvidia-persistenced` or a unit that runs this
command before TabbyAPI keeps it over reboots. If the module is stuck after suspend, stop what
uses the GPU and reload `nvidia_uvm`; the driver's nvidia-suspend.service and
nvidia-resume.service keep it over the next one.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.cuda_use import CudaUse
from tabbydoctor.gpu.driver import DeviceNodes, Driver
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.nixos.by_rebuild import by_rebuild

from .resetting import REBOOT, around_a_stop

NODE = "/dev/nvidia-uvm"
_MAKE_NODE = (
    f'sudo mknod -m 666 {NODE} c "$(awk \'$2 == "nvidia-uvm" {{print $1}}\' /proc/devices)" 0'
)

_STUCK = "cuda-unknown-error"
_RELOAD = ("sudo modprobe -r nvidia_uvm && sudo modprobe nvidia_uvm",)
_ON_THE_HOST = Remedy("On the host: recreate the container, with the GPU passed to it")


@check(
    "GPU006",
    "uvm-missing",
    category="gpu",
    severity=Severity.ERROR,
    caused_by=("GPU001", "GPU002", "GRP001", "GRP002", "GRP003"),
)
def uvm_missing(
    need: GpuNeed,
    instance: Instance,
    driver: Driver,
    machine: Machine,
    nodes: DeviceNodes,
    use: CudaUse | None = None,
) -> Iterator[Finding]:
    if machine.wsl:
        raise Absent("WSL has no NVIDIA device nodes")
    if not driver.works:
        raise Absent(f"the driver does not work: {driver.problem}")
    stale = nodes.stale(NODE)
    if NODE in nodes.nodes and not stale:
        if use and use.failure == _STUCK and not instance.container:
            yield _broken(instance, machine, use)
        return
    on_demand = not stale and _made_at_first_use(driver, instance)
    state = "stale" if stale else "missing"
    yield Finding(
        f"{NODE} is {state}: CUDA cannot start although nvidia-smi works",
        "nvidia-modprobe creates it when a CUDA program first asks."
        if on_demand
        else "torch will fail with an unknown CUDA error (999).",
        (Evidence(NODE, _expected(nodes), state),),
        () if on_demand else _remedies(instance, driver, machine, nodes, stale),
        severity=Severity.INFO if on_demand else None,
        caused_by=("GPU001", "GPU002"),
    )


def _broken(instance: Instance, machine: Machine, use: CudaUse) -> Finding:
    return Finding(
        f"{NODE} is there, and CUDA cannot use it",
        "The module nvidia_uvm is stuck, as after a suspend: nvidia-smi works all the same.",
        (Evidence(use.source, "no CUDA unknown error", use.line),),
        (_ON_THE_HOST,)
        if machine.container
        else (_reload(instance), REBOOT, _over_suspend(machine)),
    )


def _over_suspend(machine: Machine) -> Remedy:
    title = "So that it stays over the next suspend"
    if machine.nixos:
        return by_rebuild(title, "hardware.nvidia.powerManagement.enable = true;")
    units = "nvidia-suspend.service nvidia-resume.service"
    return Remedy(title, commands=(f"sudo systemctl enable {units}",))


def _reload(instance: Instance, *make: str) -> Remedy:
    return Remedy(
        "Stop what uses the GPU and load nvidia_uvm anew",
        Safety.UNSAFE,
        around_a_stop(instance, *_RELOAD, *make),
    )


def _made_at_first_use(driver: Driver, instance: Instance) -> bool:
    unit = instance.unit
    return driver.modprobe_setuid and not (unit is not None and unit.flag("NoNewPrivileges"))


def _expected(nodes: DeviceNodes) -> str:
    major = nodes.majors.get("nvidia-uvm")
    return f"a node of major {major}" if major else "a node (nvidia_uvm is not loaded)"


def _remedies(
    instance: Instance, driver: Driver, machine: Machine, nodes: DeviceNodes, stale: bool
) -> tuple[Remedy, ...]:
    if machine.container:
        return (_ON_THE_HOST,)
    load = () if "nvidia-uvm" in nodes.majors else ("sudo modprobe nvidia_uvm",)
    remove = (f"sudo rm {NODE}",) if stale else ()
    make = "sudo nvidia-modprobe -c 0 -u" if driver.modprobe else _MAKE_NODE
    title = "Load the module and create the node" if load else "Create the node"
    return (
        Remedy(title, Safety.UNSAFE, (*load, *remove, make, *instance.restart)),
        _reload(instance, make),
    )
