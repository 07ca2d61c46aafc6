"""TabbyAPI serves on another port than its configuration says.

## What it checks
The port on which TabbyAPI's own process listens must be the effective `network.port`.

## Why it matters
The router and other clients go to the configured port: they find nobody, or a stranger to
whom they send their key.

## How it is told
TabbyAPI that finds its port taken says `Port 5000 is currently in use. Switching to 5001` in
its log, and serves on the next one without failing. A port changed in the configuration
after the start looks alike until the next restart.

## What to do
Stop whoever holds the configured port and restart TabbyAPI; or configure a free port and
give the router the same.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from tabbydoctor.api import Evidence, Finding, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.tabbyapi.answers import of_tabbyapi
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint

from . import restart


@check(
    "API003",
    "api-port-moved",
    category="endpoint",
    severity=Severity.WARNING,
    caused_by=("SVC010",),
)
def port_moved(
    endpoint: Endpoint, config: EffectiveConfig, instance: Instance | None
) -> Iterator[Finding]:
    of_tabbyapi(endpoint)
    address = endpoint.address
    if not address.moved:
        return
    port = urlsplit(address.url).port
    setting = config.setting("network", "port")
    yield Finding(
        f"TabbyAPI serves on port {port}, not on the configured {config.port}",
        f"{address.holder} holds port {config.port}: TabbyAPI moved to the next one."
        if address.holder
        else f"Port {config.port} was taken when it started, or was configured since.",
        evidence=(
            Evidence(setting.origin.where if setting else "network.port", str(config.port)),
            Evidence(address.found_by, str(config.port), str(port)),
        ),
        remedies=(
            restart(
                instance,
                f"Free port {config.port}, then restart TabbyAPI",
                f"sudo ss -ltnp 'sport = :{config.port}'",
            ),
        ),
    )
