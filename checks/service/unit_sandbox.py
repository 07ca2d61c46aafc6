"""A sandbox setting of the unit is known to break TabbyAPI.

## What it checks
`MemoryDenyWriteExecute=`, `ProcSubset=pid`, and whether `ProtectHome=`, `ProtectSystem=` and
their like hide or write-protect what TabbyAPI uses: its directory, its interpreter, its models,
its caches.

## Why it matters
TabbyAPI writes `logs/` and api_tokens.yml into its working directory, and Triton compiles into a
cache under the home directory. torch writes code at run time, psutil reads /proc/meminfo.

## How it is told
From the settings systemd has loaded, and the paths the deployment really uses. Settings that do
no harm are not mentioned.

## What to do
Lift the setting, or open the path with `ReadWritePaths=` (`BindPaths=` under
`ProtectHome=tmpfs`).
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.nixos import managed
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.nixos.lasting import lasting
from tabbydoctor.nixos.service import option_lines
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.sandbox_needs import harmful_settings, harms

from ..by_doctor import by_doctor
from . import command, shown, unit_of


@check("SVC012", "unit-sandbox", category="service", severity=Severity.WARNING)
def unit_sandbox(instance: Instance, config: EffectiveConfig | None) -> Iterator[Finding]:
    unit = unit_of(instance)
    for one in harmful_settings(unit):
        written = f"{one.name}={one.harmful}"
        expected = f"{one.name}={one.harmless}"
        yield _finding(unit, written, expected, f"{one.why}.", one.name, mendable=True)
    for rule, found in harms(instance, unit, config).items():
        name = rule.setting.partition("=")[0]
        paths = ", ".join(dict.fromkeys(harm.path for harm in found))
        yield _finding(
            unit,
            rule.setting,
            f"{name}= without effect on {paths}",
            "; ".join(harm.what for harm in found) + ".",
            name,
            "" if rule.final else f", or open {paths} with ReadWritePaths=",
            mendable=rule.reach == "read-only",
        )


def _finding(
    unit: Unit, setting: str, expected: str, why: str, name: str, opening: str = "", *,
    mendable: bool,
) -> Finding:  # fmt: skip
    mended = mendable and not managed(None, unit)
    return Finding(
        f"{setting} of {unit.name} breaks TabbyAPI",
        f"{why[0].upper()}{why[1:]}",
        (Evidence(shown(unit, name), expected, setting),),
        (
            _lift(unit, expected, name, opening),
            *([by_doctor("SVC012", Safety.UNSAFE)] if mended else []),
        ),
    )


def _lift(unit: Unit, expected: str, name: str, opening: str) -> Remedy:
    if managed(None, unit):
        setting, _, value = expected.partition("=")
        lines = () if " " in value else option_lines(unit, [(setting, value)])
        return lasting(f"Lift {name}={opening}", *lines)
    commands = (command(unit, "edit"), command(unit, "restart"))
    return Remedy(f"Lift {name}= in a drop-in{opening}", Safety.MANUAL, commands)
