"""Authentication is off on an address that other machines can reach.

## What it checks
`network.disable_auth` and `network.host` as TabbyAPI computes them, from whichever place.

## Why it matters
With authentication off every caller is admin: it may load and unload models, download, and read
what others ask. Any address but loopback counts, whatever interfaces are up now: a network that
appears later is served too. An empty host means every interface.

## How it is told
From the effective configuration. Inside a container it cannot be told which ports are published.

## What to do
Switch authentication on and give the router the key (`tabbydoctor fix --auth`), or bind
127.0.0.1 where every client is on this machine.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, Unknown, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.invocation import invocation
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.probes import is_open
from tabbydoctor.tabbyapi.binding import binds_loopback_only
from tabbydoctor.tabbyapi.config import EffectiveConfig

from . import edit


def _give_key() -> Remedy:
    command = invocation("fix --auth", root=True)
    return Remedy("Then give the router the key", Safety.MANUAL, (command,))


@check("CFG008", "auth-off-exposed", category="config", severity=Severity.ERROR)
def auth_off_exposed(
    config: EffectiveConfig,
    instance: Instance,
    router: RouterReading | None,
    machine: Machine | None = None,
) -> Iterator[Finding]:
    switch, host = config.setting("network", "disable_auth"), config.setting("network", "host")
    if not config.auth_disabled or switch is None or host is None:
        return
    address = str(host.value)
    if binds_loopback_only(address):
        return
    if instance.container:
        raise Unknown(
            f"authentication is off in {instance.container}: see which ports it publishes"
        )
    where = f"on {address}" if address else "on every interface"
    yield Finding(
        f"Authentication is off {where}, which other machines can reach",
        "Everyone who can connect is admin: may load, unload and download models.",
        (
            Evidence(switch.origin.where, "disable_auth: false", "disable_auth: true"),
            Evidence(host.origin.where, "host: 127.0.0.1", f"host: {address!r}"),
        ),
        (
            edit(
                "Set network.disable_auth to false",
                switch.origin,
                instance,
                {("network", "disable_auth"): False},
                machine,
            ),
            *(() if _sends_key(router) else (_give_key(),)),
            edit(
                "Or set network.host to 127.0.0.1",
                host.origin,
                instance,
                {("network", "host"): "127.0.0.1"},
                machine,
            ),
        ),
    )


def _sends_key(router: RouterReading | None) -> bool:
    """Whether every call that will need the key carries it already."""
    calls = [call for call in router.calls if not is_open(call.path)] if router else []
    return bool(calls) and all(call.sends_key for call in calls)
