"""How a GPU is reset: nothing may use it meanwhile."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import Remedy, Safety
from tabbydoctor.deployment.parts import Instance, Machine

REBOOT = Remedy("Reboot", Safety.UNSAFE, ("sudo systemctl reboot",))


def around_a_stop(instance: Instance, *commands: str) -> tuple[str, ...]:
    """The commands while TabbyAPI is stopped, where a unit runs it."""
    unit = instance.unit
    if unit is None:
        return commands
    name = shlex.quote(unit.name)
    return (f"{unit.systemctl} stop {name}", *commands, f"{unit.systemctl} start {name}")


def reset(gpu: str, instance: Instance, machine: Machine) -> Iterator[Remedy]:
    """The ways to reset one (`-i 0`, as nvidia-smi takes it), the lesser one first."""
    if machine.wsl:
        yield Remedy("On Windows: restart the machine")
        return
    if machine.container:
        yield Remedy(f"On the host: stop what uses it, and run: sudo nvidia-smi --gpu-reset {gpu}")
        return
    yield Remedy(
        "Stop what uses the GPU and reset it",
        Safety.UNSAFE,
        around_a_stop(instance, f"sudo nvidia-smi --gpu-reset {gpu}"),
    )
    yield REBOOT
