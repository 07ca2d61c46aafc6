"""The NixOS module opened TabbyAPI's port in the firewall, and authentication is off.

## What it checks
`services.tabbyapi.host` and whether authentication is off, whatever switched it off.

## Why it matters
For every host but `127.0.0.1` and `localhost` the module opens the port to other machines,
with authentication off, too. Everyone who reaches it is admin then.

## How it is told
From the generated `config.yml` and the effective configuration. Whether the firewall is on at
all, or another one stands before it, is not looked at.

## What to do
Switch authentication on, or bind 127.0.0.1 where every client is on this machine: the port is
closed by that, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tabbydoctor.api import Evidence, Finding, check
from tabbydoctor.nixos.generated import opens_firewall
from tabbydoctor.nixos.module import NixModule
from tabbydoctor.tabbyapi.binding import binds_loopback_only
from tabbydoctor.tabbyapi.config import EffectiveConfig

from . import in_configuration


@check("NIX006", "nix-open-firewall", category="nixos", caused_by=("CFG008",))
def open_firewall(module: NixModule, config: EffectiveConfig) -> Iterator[Finding]:
    network: Any = module.generated.get("network")
    host = network.get("host") if isinstance(network, dict) else None
    switch = config.setting("network", "disable_auth")
    if not config.auth_disabled or switch is None or not isinstance(host, str):
        return
    if not opens_firewall(host) or binds_loopback_only(config.host):
        return
    yield Finding(
        f"The firewall is open for port {config.port}, and authentication is off",
        f"The module opens the port because host is {host!r}, not 127.0.0.1 or localhost.",
        (
            Evidence(module.config, "network.host: 127.0.0.1", f"network.host: {host}"),
            Evidence(switch.origin.where, "disable_auth: false", "disable_auth: true"),
        ),
        (
            in_configuration(
                module, "Switch authentication on", "services.tabbyapi.disableAuth = false;"
            ),
            in_configuration(
                module, "Or serve this machine alone", 'services.tabbyapi.host = "127.0.0.1";'
            ),
        ),
    )
