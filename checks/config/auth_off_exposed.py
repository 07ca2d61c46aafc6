"""Authentication is off on an address that other machines can reach.

## What it checks
`network.disable_auth` and `network.host` as TabbyAPI computes them, from whichever place.

## Why it matters
With authentication off every caller is admin: it may load and unload models, download, and read
what others ask. Any address but loopback counts, whatever interfaces are up now: a network that
appears later is served too. An empty host means every interface.

## How it is told
From the effective configuration; of a container, by the ports that this machine answers for: the
programs that hand them on, and the engine's records.

## What to do
Switch authentication on and give the router the key (`tabbydoctor fix --auth`), or bind
127.0.0.1 where every client is on this machine. In a container it must bind 0.0.0.0: there the
port is published at 127.0.0.1 instead (`127.0.0.1:5000:5000`), which needs the container made anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, Unknown, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.invocation import invocation
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.probes import is_open
from tabbydoctor.tabbyapi.config import EffectiveConfig, Setting
from tabbydoctor.tabbyapi.exposure import Exposure, exposure

from ..container import published_anew
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
    address, exposed = str(host.value), exposure(config, instance)
    if exposed.addresses is None:
        raise Unknown(
            f"authentication is off in {instance.container}: which of its ports are published "
            "is seen by root (use sudo), or told by its engine"
        )
    if not exposed.addresses:
        return
    where = f"on {address}" if address else "on every interface"
    within = machine.container if machine and not instance.contained else None
    if within:
        yield _from_inside(within, where, switch, instance, machine)
        return
    if exposed.published:
        where = f"at {', '.join(exposed.addresses)}"
    yield Finding(
        f"Authentication is off {where}, which other machines can reach",
        "Everyone who can connect is admin: may load, unload and download models.",
        (
            Evidence(switch.origin.where, "disable_auth: false", "disable_auth: true"),
            *_places(exposed, host, address),
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
            _closed(exposed, host, instance, machine),
        ),
    )


def _from_inside(
    kind: str, where: str, switch: Setting, instance: Instance, machine: Machine | None
) -> Finding:
    """Seen by a doctor in the same container, which must bind 0.0.0.0 to be reached at all."""
    return Finding(
        f"Authentication is off {where} of this {kind} container",
        "Whoever reaches its published port, and every container of its network, is admin.",
        (Evidence(switch.origin.where, "disable_auth: false", "disable_auth: true"),),
        (
            edit(
                "Set network.disable_auth to false",
                switch.origin,
                instance,
                {("network", "disable_auth"): False},
                machine,
            ),
            Remedy("Or see that its port is published at 127.0.0.1 alone (127.0.0.1:5000:5000)"),
        ),
        severity=Severity.WARNING,
    )


def _places(exposed: Exposure, host: Setting, address: str) -> Iterator[Evidence]:
    for one in exposed.published:
        if one.shown in (exposed.addresses or ()):
            yield Evidence(one.seen, f"127.0.0.1:{one.port}", one.shown)
    if not exposed.published:
        yield Evidence(host.origin.where, "host: 127.0.0.1", f"host: {address!r}")


def _closed(
    exposed: Exposure, host: Setting, instance: Instance, machine: Machine | None
) -> Remedy:
    """Nobody from elsewhere; inside a container TabbyAPI is to bind 0.0.0.0 all the same."""
    if exposed.published and instance.contained:
        one = exposed.published[0]
        return published_anew(
            f"Or publish it on this machine alone: 127.0.0.1:{one.port}:{one.inner or one.port}",
            instance.contained,
        )
    wanted = {("network", "host"): "127.0.0.1"}
    return edit("Or set network.host to 127.0.0.1", host.origin, instance, wanted, machine)


def _sends_key(router: RouterReading | None) -> bool:
    """Whether every call that will need the key carries it already."""
    calls = [call for call in router.calls if not is_open(call.path)] if router else []
    return bool(calls) and all(call.sends_key for call in calls)
