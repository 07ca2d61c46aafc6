"""The published port of TabbyAPI's container leads to a port where TabbyAPI does not listen.

## What it checks
The ports inside to which this machine's published ones lead, against the one that TabbyAPI
listens at in its container.

## Why it matters
Who asks at the published port is refused, or cut off, while TabbyAPI serves inside.

## How it is told
By the programs that hand the ports on (docker-proxy's arguments), the engine's records, and the
sockets of the container's network; where these are unseen, by the effective configuration.

## What to do
Publish the port that it listens at (`HOST:INSIDE`, the second is the container's), or set
`network.port` to the one that is published.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import CUTS_OFF, Absent, Evidence, Finding, Severity, Unknown, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.tabbyapi.config import EffectiveConfig

from ..config import edit
from . import box_of, made_anew


@check(
    "CTR004",
    "container-port-mapped",
    category="container",
    severity=Severity.ERROR,
    tags=(CUTS_OFF,),
)
def port_mapped(
    instance: Instance, config: EffectiveConfig, machine: Machine | None = None
) -> Iterator[Finding]:
    box = box_of(instance)
    if box.own_network is False:
        raise Absent(f"{box.label} shares this machine's network")
    if not box.published and not box.published_known:
        how = "while it does not run" if box.ended else "(use sudo)"
        raise Unknown(f"which ports of {box.label} are published is not seen {how}")
    listened = {port for _, port in box.listens or ()} or {config.port}
    led = [one for one in box.published if one.inner is not None]
    if not led or any(one.inner in listened for one in led) or len(led) < len(box.published):
        return
    one, port = led[0], config.port
    setting = config.setting("network", "port")
    remedies = [made_anew(f"Publish {one.shown}:{port}", box)]
    if setting:
        wanted = {("network", "port"): one.inner}
        title = f"Or set network.port to {one.inner}"
        remedies.append(edit(title, setting.origin, instance, wanted, machine))
    yield Finding(
        f"{one.shown} leads to port {one.inner} of {box.label}; TabbyAPI listens at {port} there",
        "Whoever asks at the published port is refused.",
        (Evidence(one.seen, f"to port {port}", f"to port {one.inner}"),),
        tuple(remedies),
    )
