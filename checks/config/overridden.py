"""Something stronger beats what a configuration file says.

## What it checks
Values that a file sets and a `TABBY_…` variable, the `--config` file or an argument replaces by
another value, and arguments that do not count because `--config` is given.

## Why it matters
An edit of the file has no effect. The order is: the working directory's `config.yml`, then
`TABBY_<SECTION>_<KEY>`, then the `--config` file, or else the arguments.

## How it is told
By computing every layer as TabbyAPI does; equal values are no finding. An argument that beats the
file is usual and only a remark.

## What to do
Change the value in the place that wins, or remove it there. `tabbydoctor config` shows them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tabbydoctor.api import Evidence, Finding, Severity, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.tabbyapi.config import EffectiveConfig, Ignored, Setting
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.keys import TABLE, ConfigKey
from tabbydoctor.tabbyapi.opening import opens
from tabbydoctor.tabbyapi.values import Refused, coerced

from . import edit, shown


@check("CFG006", "config-overridden", category="config", severity=Severity.WARNING)
def overridden(
    config: EffectiveConfig,
    installation: Installation,
    instance: Instance,
    machine: Machine | None = None,
) -> Iterator[Finding]:
    for setting in config.settings.values():
        if any(_differs(setting, value, installation) for _, value in setting.overrides):
            yield _beaten(setting, installation, config, instance, machine)
    for item in config.ignored:
        winner = config.setting(item.section, item.key or "")
        if item.why != "arguments-ignored" or winner is None:
            continue
        if _differs(winner, item.value, installation):
            yield _ignored_argument(item, winner, config, instance, machine)


def _differs(setting: Setting, raw: Any, installation: Installation) -> bool:
    path = (setting.section, setting.key)
    key = installation.keys.get(path) or TABLE.get(path) or ConfigKey(*path)
    try:
        return bool(coerced(key, raw) != setting.value)
    except Refused:
        return True


def _beaten(
    setting: Setting,
    installation: Installation,
    config: EffectiveConfig,
    instance: Instance,
    machine: Machine | None,
) -> Finding:
    weaker = [item for item in setting.overrides if _differs(setting, item[1], installation)]
    origin, value = weaker[0]
    usual = setting.origin.layer == "argument"
    mine = shown(setting.section, setting.key, setting.value)
    theirs = shown(setting.section, setting.key, value)
    title = f"Change it where it wins, or take it out there: {setting.origin.where}"
    wanted = {(setting.section, setting.key): value}
    remedy = edit(title, setting.origin, instance, wanted, machine)
    if opens((setting.section, setting.key), value, config):
        # As it would let in who has no key, it is asked for by name, never offered.
        title = f"Take it out where it does nothing: {origin.where}"
        remedy = edit(title, origin, instance, machine=machine)
    return Finding(
        f"{setting.name} of {origin.where} is overridden",
        f"TabbyAPI uses {mine} from {setting.origin.where}.",
        (Evidence(origin.where, None, theirs), Evidence(setting.origin.where, None, mine)),
        (remedy,),
        severity=Severity.INFO if usual else None,
    )  # fmt: skip


def _ignored_argument(
    item: Ignored,
    setting: Setting,
    config: EffectiveConfig,
    instance: Instance,
    machine: Machine | None,
) -> Finding:
    flag = f"--{(item.key or '').replace('_', '-')}"
    title, wanted = f"Set {setting.name} in the --config file instead of {flag}", {}
    if opens((setting.section, setting.key), item.value, config):
        title = f"Take {flag} out: it does nothing"
    else:
        wanted = {(setting.section, setting.key): item.value}
    return Finding(
        f"{flag} is ignored because --config is given",
        f"With --config TabbyAPI takes no other argument: {setting.name} is "
        f"{shown(setting.section, setting.key, setting.value)}, from {setting.origin.where}.",
        (Evidence(item.origin.where, "no argument beside --config",
                  f"{flag} {shown(item.section, item.key, item.value)}"),),
        (edit(title, item.origin, instance, wanted, machine),),
        caused_by=("NIX004",),
    )  # fmt: skip
