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
give the router the same. Where the port was only changed in the configuration, restart
TabbyAPI, and let the router follow.
"""

import shlex
from collections.abc import Iterator
from urllib.parse import urlsplit

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance, ProcessTable
from tabbydoctor.host.data import Process
from tabbydoctor.records import replace
from tabbydoctor.routers import RouterReading
from tabbydoctor.tabbyapi.answers import of_tabbyapi
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.log_lines import says
from tabbydoctor.tabbyapi.probes import Endpoint

from . import restart

MOVED = "port-moved"
"""The known line of the log in which TabbyAPI says that it moved."""


@check(
    "API003",
    "api-port-moved",
    category="endpoint",
    severity=Severity.WARNING,
    caused_by=("SVC010", "SVC015"),
)
def port_moved(
    endpoint: Endpoint,
    config: EffectiveConfig,
    instance: Instance | None,
    table: ProcessTable | None,
    log: RunLog | None,
    router: RouterReading | None,
) -> Iterator[Finding]:
    of_tabbyapi(endpoint)
    address = endpoint.address
    if not address.moved:
        return
    port = urlsplit(address.url).port
    setting = config.setting("network", "port")
    edited = not address.holder and log is not None and bool(log.lines) and not says(log, MOVED)
    yield Finding(
        f"TabbyAPI serves on port {port}, not on the configured {config.port}",
        _why(address.holder, edited, config.port),
        evidence=(
            Evidence(setting.origin.where if setting else "network.port", str(config.port)),
            Evidence(address.found_by, str(config.port), str(port)),
        ),
        remedies=tuple(_remedies(config.port, instance, table, router, edited)),
    )


def _why(holder: str, edited: bool, port: int) -> str:
    if holder:
        return f"{holder} holds port {port}: TabbyAPI moved to the next one."
    if edited:
        return f"Port {port} was configured after TabbyAPI started; nothing holds it."
    return f"Port {port} was taken when it started, or was configured since."


def _remedies(
    port: int,
    instance: Instance | None,
    table: ProcessTable | None,
    router: RouterReading | None,
    edited: bool,
) -> Iterator[Remedy]:
    look = f"sudo ss -ltnp 'sport = :{port}'"
    free = table is not None and not any(each.port == port for each in table.listeners)
    if not free:
        holder = table.holder(port) if table else None
        way = restart(instance, _freeing(port, holder), look, *_stop(holder))
        yield replace(way, safety=Safety.MANUAL)  # which of the two is to go is a person's choice
        return
    yield restart(instance, f"Restart TabbyAPI: port {port} is free, and it takes it then")
    asked = {urlsplit(url).port for url in router.addresses} if router else set()
    if edited and port not in asked:
        who = "the router and every other client" if router else "every client"
        yield Remedy(f"Then let {who} ask for port {port} too")


def _freeing(port: int, holder: Process | None) -> str:
    """What it takes from whom."""
    unit = holder.unit if holder else None
    who = unit or (f"process {holder.pid}" if holder else "")
    stops = f" (that stops {who}; else give TabbyAPI another port)" if who else ""
    return f"Free port {port}{stops}, then restart TabbyAPI"


def _stop(holder: Process | None) -> Iterator[str]:
    if holder is None:
        return
    if holder.unit and holder.unit.endswith(".service"):
        manager = "systemctl --user" if holder.user_unit else "sudo systemctl"
        yield f"{manager} stop {shlex.quote(holder.unit)}"
    else:
        yield f"sudo kill {holder.pid}"
