"""TabbyAPI will refuse to start with this configuration.

## What it checks
Every value, from whichever place sets it, by the type and limits that the installed version
declares; the arguments; and the port's range.

## Why it matters
TabbyAPI exits with status 1 (`validation error for TabbyConfigModel`), or 2 for an argument it
does not know. With `Restart=on-failure` the unit loops.

## How it is told
By TabbyAPI's own rules (pydantic, lax: `yes` and `"true"` are fine for true). For example
`cache_size` must be a multiple of 256, and a list in an environment variable cannot work.

## What to do
Correct the value where it is set; the finding names the place.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.nixos import generated_config
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.records import replace
from tabbydoctor.tabbyapi.config import EffectiveConfig, Invalid

from . import by_nixos, edit, shown

_PORTS = range(1, 65536)


@check("CFG005", "config-invalid-value", category="config", severity=Severity.ERROR)
def invalid_value(
    config: EffectiveConfig, instance: Instance, machine: Machine | None = None
) -> Iterator[Finding]:
    for item in config.invalid:
        yield _refused(item, instance, machine)
    if config.usage_error:
        yield _usage(config, instance, machine)
    port = config.setting("network", "port")
    if port and isinstance(port.value, int) and port.value not in _PORTS:
        message = f"a port from {_PORTS.start} to {_PORTS.stop - 1}"
        refused = Invalid("network", "port", message, port.origin, port.value)
        yield _refused(refused, instance, machine)


def _refused(item: Invalid, instance: Instance, machine: Machine | None) -> Finding:
    name = f"{item.section}.{item.key}" if item.key else f"section {item.section}"
    return Finding(
        f"{name} from {item.origin.where} is refused",
        f"TabbyAPI exits with status 1 on it: it takes {item.message}.",
        (Evidence(item.origin.where, item.message, shown(item.section, item.key, item.value)),),
        (
            edit(
                f"Correct {name}: it takes {item.message}; or leave it to its default",
                item.origin,
                instance,
                {(item.section, item.key): None} if item.key else {},
                machine,
            ),
        ),
    )


def _usage(config: EffectiveConfig, instance: Instance, machine: Machine | None) -> Finding:
    unit = instance.unit
    source = f"the command of {instance.name}"
    commands: tuple[str, ...] = ()
    remedy = Remedy("Correct the command of the unit", Safety.MANUAL)
    if unit and by_nixos(instance, machine):
        name = "services.tabbyapi.extraArgs"
        lines = (f"{name} = [ ];",) if generated_config(instance) else ()
        remedy = by_rebuild("Correct the unit's arguments, or take them out", *lines)
    elif unit:
        commands = (f"{unit.systemctl} edit --full {shlex.quote(unit.name)}", *instance.restart)
    return Finding(
        f"TabbyAPI refuses its arguments: {config.usage_error}",
        "It exits with status 2 before it reads any configuration. Every flag is --key-name with a "
        "value, booleans too: --disable-auth true.",
        (Evidence(source, "known arguments", config.usage_error),),
        (replace(remedy, commands=commands or remedy.commands),),
    )
