"""Authentication was to be switched off in a place where that has no effect.

## What it checks
Whether the configuration says `auth: {disable: true}`, `disable_auth:` outside of `network:`, or
something alike.

## Why it matters
TabbyAPI drops what it does not know without a word: authentication stays on, and every client
without a key gets 401. The one switch is `network.disable_auth`.

## How it is told
By TabbyAPI's own list of sections and keys, read from the installed version.

## What to do
Better than switching authentication off: give the router the key with `tabbydoctor fix --auth`.
Where nothing but this machine can reach TabbyAPI, `network.disable_auth: true` is the switch.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import (
    AUTH,
    CURE,
    KEYLESS,
    Cure,
    Evidence,
    Finding,
    Remedy,
    Safety,
    Severity,
    check,
)
from tabbydoctor.deployment.nixos import edit_lasts
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.invocation import invocation
from tabbydoctor.tabbyapi.binding import binds_loopback_only
from tabbydoctor.tabbyapi.config import EffectiveConfig, Ignored
from tabbydoctor.tabbyapi.dropped import about_auth

from . import edit, shown

_NO = (False, "false", "no", "off", 0, None)


@check(
    "CFG004",
    "config-auth-section",
    category="config",
    severity=Severity.ERROR,
    cure=Cure("tabbydoctor.remedies.config_keys:remove_auth_section", Safety.SAFE),
    tags=(AUTH, KEYLESS),
)
def auth_section(
    config: EffectiveConfig, instance: Instance, machine: Machine | None = None
) -> Iterator[Finding]:
    for item in config.ignored:
        if about_auth(item):
            yield _without_effect(item, config, instance, machine)


def _without_effect(
    item: Ignored, config: EffectiveConfig, instance: Instance, machine: Machine | None
) -> Finding:
    written = _written(item)
    state = "off" if config.auth_disabled else "on"
    return Finding(
        f"{written} in {item.origin.where} has no effect",
        "TabbyAPI has no such setting and drops it silently. The switch is network.disable_auth; "
        f"authentication is {state}.",
        (Evidence(item.origin.where, "network.disable_auth", written),),
        (
            Remedy(
                "Give the router the key",
                Safety.MANUAL,
                (invocation("fix --auth --dry-run", root=True),),
            ),
            *_switch(item, config, instance, machine),
            *_removal(item, instance, machine),
        ),
        severity=None if _wants_it_off(item) and not config.auth_disabled else Severity.WARNING,
    )  # fmt: skip


def _switch(
    item: Ignored, config: EffectiveConfig, instance: Instance, machine: Machine | None
) -> Iterator[Remedy]:
    """What was meant; never where other machines can connect."""
    if binds_loopback_only(config.host):
        title = "Or, where only this machine can connect, write disable_auth: true below network:"
        wanted = {("network", "disable_auth"): True}
        yield edit(title, item.origin, instance, wanted, machine)


def _removal(item: Ignored, instance: Instance, machine: Machine | None) -> Iterator[Remedy]:
    if item.origin.layer in ("working-directory", "config-file"):
        yield edit(f"Or only take {_written(item).partition(':')[0]} out, as it does nothing",
                   item.origin, instance, machine=machine)  # fmt: skip
        if item.origin.path and edit_lasts(item.origin.path, instance):
            yield CURE


def _wants_it_off(item: Ignored) -> bool:
    """Whether authentication is on against what was written: else nobody is refused by it."""
    if item.origin.layer == "environment":
        return True
    given = item.value if isinstance(item.value, dict) else {item.key or item.section: item.value}
    meant = {str(key).lower(): value not in _NO for key, value in given.items()}
    return any(value == ("disable" in key) for key, value in meant.items())


def _written(item: Ignored) -> str:
    if item.origin.layer == "environment":
        return item.origin.where.split(" ")[0]
    if item.key:
        return f"{item.section}.{item.key}"
    if isinstance(item.value, dict) and len(item.value) == 1:
        key = next(iter(item.value))
        return f"{item.section}.{key}: {shown(item.section, str(key), item.value[key])}"
    return f"{item.section}:"
