"""Authentication is off, on the loopback address only.

## What it checks
`network.disable_auth` and `network.host` as TabbyAPI computes them.

## Why it matters
Any local user is admin, and so is any web page open in a browser on this machine: TabbyAPI allows
every origin (CORS `*`). On a machine of one person that may be what is wanted.

## How it is told
From the effective configuration; of a container, by the addresses at which its port is published.

## What to do
Nothing, if that is meant. Otherwise set `network.disable_auth: false` and give the router the key
with `tabbydoctor fix --auth`.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Severity, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.exposure import exposure

from . import edit


@check("CFG009", "auth-off-local", category="config", severity=Severity.INFO)
def auth_off_local(
    config: EffectiveConfig, instance: Instance, machine: Machine | None = None
) -> Iterator[Finding]:
    switch, host = config.setting("network", "disable_auth"), config.setting("network", "host")
    if not config.auth_disabled or switch is None or host is None:
        return
    exposed = exposure(config, instance)
    if exposed.addresses != ():
        return
    published = ", ".join(one.shown for one in exposed.published)
    alone = bool(instance.contained) and not published
    where = "in its container, whose port is not published" if alone else f"on {host.value}"
    yield Finding(
        f"Authentication is off {f'at {published}' if published else where}",
        "Every local user, and every web page in a browser on this machine, is admin.",
        (Evidence(switch.origin.where, None, "disable_auth: true"),),
        (
            edit(
                "Set network.disable_auth to false, if that is not meant",
                switch.origin,
                instance,
                {("network", "disable_auth"): False},
                machine,
            ),
        ),
    )
