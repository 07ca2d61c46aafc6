"""A second config.yml is merged underneath the `--config` file and contributes.

## What it checks
With `--config FILE`: whether the `config.yml` in TabbyAPI's working directory sets anything that
FILE does not.

## Why it matters
TabbyAPI merges the two. A stray `disable_auth: true` in the working directory switches
authentication off although FILE never mentions it.

## How it is told
By computing the layers: only values that apply and differ from the default count.

## What to do
Move what is wanted into the `--config` file, then remove the stray one.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.nixos import edit_lasts
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.nixos.by_rebuild import SWITCH
from tabbydoctor.tabbyapi.config import EffectiveConfig, Setting
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.keys import TABLE

from . import by_nixos, shown


@check(
    "CFG007",
    "config-layered",
    category="config",
    severity=Severity.WARNING,
    caused_by=("NIX005",),
)
def layered(
    config: EffectiveConfig,
    installation: Installation,
    instance: Instance,
    machine: Machine | None = None,
) -> Iterator[Finding]:
    if config.config_argument is None:
        return
    stray = [
        setting
        for setting in config.settings.values()
        if setting.origin.layer == "working-directory" and _matters(setting, installation)
    ]
    if not stray:
        return
    path = stray[0].origin.path or f"{config.directory}/config.yml"
    place, commands = "the --config file", (f"sudoedit {shlex.quote(config.config_argument)}",)
    if by_nixos(instance, machine) and not edit_lasts(config.config_argument, instance):
        place, commands = "configuration.nix", (SWITCH,)
    names = ", ".join(setting.name for setting in stray[:6])
    auth = any(setting.name == "network.disable_auth" for setting in stray)
    yield Finding(
        f"{path} is merged underneath {config.config_argument}",
        f"It sets what the --config file does not: {names}."
        + (" Authentication is off because of it." if auth and config.auth_disabled else ""),
        tuple(
            Evidence(
                setting.origin.where,
                "nothing",
                f"{setting.name}: {shown(setting.section, setting.key, setting.value)}",
            )
            for setting in stray
        ),
        (
            Remedy(
                f"Move what is wanted into {place}, then set the stray file aside",
                Safety.MANUAL,
                (
                    *commands,
                    f"sudo mv -n {shlex.quote(path)} {shlex.quote(path + '.unused')}",
                ),
            ),
        ),
    )


def _matters(setting: Setting, installation: Installation) -> bool:
    path = (setting.section, setting.key)
    key = installation.keys.get(path) or TABLE.get(path)
    if key is None:
        return True
    usual = [item.lower() for item in key.default] if key.kind == "choices" else key.default
    return bool(setting.value != usual)
