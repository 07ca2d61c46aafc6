"""TabbyAPI listens, and not where it is asked for.

## What it checks
The address that was named with `--url`, and where a router in a container looks for TabbyAPI,
must be among the addresses on which TabbyAPI's own process listens.

## Why it matters
TabbyAPI is well, and its clients are refused. By default it listens on 127.0.0.1 alone: other
machines, and containers on this one, do not reach it.

## How it is told
By the listening sockets of TabbyAPI's process (root sees them), beside the addresses of this
machine. A container's `localhost` is the container itself; `host.docker.internal` and the address
of its bridge are this machine. Where it listens on loopback alone and no router of this machine is
known, that is remarked upon.

## What to do
Ask at the address where it listens. Or set `network.host`: to `0.0.0.0` for everyone, to the
address of the bridge (`ip -4 addr show docker0`) for containers alone. Authentication must be on.
Inside a container it is `0.0.0.0`: who reaches it is said by where its port is published.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from tabbydoctor.api import CUTS_OFF, Absent, Evidence, Finding, Remedy, Severity, check
from tabbydoctor.deployment.containers import container_of
from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.routers import RouterReading
from tabbydoctor.tabbyapi.binding import binds_loopback_only
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.targets import Targets

from ..config import edit

_FROM_CONTAINERS = ("host.docker.internal", "host.containers.internal", "gateway.docker.internal")
"""What container engines call the machine they run on."""


@check(
    "API011",
    "api-bound-elsewhere",
    category="endpoint",
    severity=Severity.WARNING,
    caused_by=("CTR001", "CFG002"),
    tags=(CUTS_OFF,),
)
def bound_elsewhere(
    endpoint: Endpoint,
    targets: Targets,
    instance: Instance | None,
    config: EffectiveConfig | None,
    site: RouterSite | None = None,
    reading: RouterReading | None = None,
    machine: Machine | None = None,
) -> Iterator[Finding]:
    address = endpoint.address
    if address.trusted or instance is None:
        raise Absent("TabbyAPI's sockets are another machine's")
    if instance.container and not _shares_network(instance):
        yield from _contained(endpoint, instance, config, machine)
        return
    if not address.listens:
        raise Absent("TabbyAPI's own process is not seen to listen anywhere")
    if targets.url and endpoint.serviceinfo.error == "refused":
        yield _named(endpoint, targets, instance, config, machine)
        return
    hidden = _local_only(address.listens)
    asked = _asked_from_container(site, reading) if hidden else ""
    if asked and reading:
        yield _by_router(endpoint, asked, reading, instance, config, machine)
    elif hidden and machine and machine.container and not instance.contained:
        yield _inside(endpoint, machine.container, instance, config, machine)
    elif hidden and site is None and not targets.url:
        yield Finding(
            f"Only this machine reaches TabbyAPI: it listens at {', '.join(address.listens)}",
            "Other machines and containers are refused. That is as it should be, unless they ask.",
            (_where(endpoint, config),),
            severity=Severity.INFO,
        )


def _shares_network(instance: Instance) -> bool:
    return instance.contained is not None and instance.contained.own_network is False


def _contained(
    endpoint: Endpoint,
    instance: Instance,
    config: EffectiveConfig | None,
    machine: Machine | None,
) -> Iterator[Finding]:
    """In a network of its own the loopback is the container's: what is published ends outside."""
    box = instance.contained
    if box is None or endpoint.serviceinfo.status is not None:
        return
    port = config.port if config else None
    bound = [place for place in box.listens or () if port in (None, place[1])]
    hidden = bool(bound) and all(binds_loopback_only(host) for host, _ in bound)
    unseen = not bound and config is not None and binds_loopback_only(config.host)
    if not hidden and not unseen:
        return
    host, number = bound[0] if bound else (config.host if config else "", port)
    listens = f"[{host}]:{number}" if ":" in host else f"{host}:{number}"
    published = ", ".join(one.shown for one in box.publishes(port))
    at = f": {published} ends outside it" if published else ""
    yield Finding(
        f"TabbyAPI listens at {listens} inside its container{at}",
        "A container's loopback is its own: neither this machine nor a published port reaches it.",
        (_where(endpoint, config, listens), Evidence(box.label, "0.0.0.0", listens)),
        tuple(_opened(instance, config, machine)),
        severity=Severity.ERROR,
    )


def _inside(
    endpoint: Endpoint,
    kind: str,
    instance: Instance,
    config: EffectiveConfig | None,
    machine: Machine,
) -> Finding:
    """Seen by a doctor in the same container: whether anybody outside asks is not seen there."""
    listens = ", ".join(endpoint.address.listens)
    return Finding(
        f"TabbyAPI listens at {listens} of this {kind} container: nobody outside it reaches that",
        "A published port ends outside of a container's loopback. Where only what runs in here "
        "asks, that is as it should be.",
        (_where(endpoint, config, listens),),
        tuple(_opened(instance, config, machine)),
        severity=Severity.INFO,
    )


def _local_only(listens: tuple[str, ...]) -> bool:
    return all(binds_loopback_only(one.rpartition(":")[0].strip("[]")) for one in listens)


def _asked_from_container(site: RouterSite | None, reading: RouterReading | None) -> str:
    """Where a router looks for TabbyAPI from inside a container; empty where it is in none."""
    addresses = reading.addresses if reading else ()
    engine = next((url for url in addresses if urlsplit(url).hostname in _FROM_CONTAINERS), "")
    inside = bool(site and site.process and container_of(site.process))
    return engine or (next(iter(addresses), "") if inside else "")


def _named(
    endpoint: Endpoint,
    targets: Targets,
    instance: Instance,
    config: EffectiveConfig | None,
    machine: Machine | None,
) -> Finding:
    address = endpoint.address
    listens = ", ".join(address.listens)
    ask = Remedy(f"Ask it at http://{_connectable(address.listens[0])}")
    port = urlsplit(address.url).port
    same_port = any(one.endswith(f":{port}") for one in address.listens)
    return Finding(
        f"TabbyAPI listens at {listens}, not at {address.url}",
        f"It serves there; {targets.source('url')} names another address of this machine.",
        (Evidence(targets.source("url"), listens, address.url), _where(endpoint, config)),
        (*_opened(instance, config, machine), ask) if same_port else (ask,),
    )


def _by_router(
    endpoint: Endpoint,
    asked: str,
    reading: RouterReading,
    instance: Instance,
    config: EffectiveConfig | None,
    machine: Machine | None,
) -> Finding:
    listens = ", ".join(endpoint.address.listens)
    return Finding(
        f"TabbyAPI listens at {listens}: a router in a container does not reach it",
        "A container's localhost is the container; this machine's loopback is closed to it.",
        (Evidence(reading.written_at.get(asked, reading.path), listens, asked),
         _where(endpoint, config)),
        tuple(_opened(instance, config, machine)),
    )  # fmt: skip


def _where(endpoint: Endpoint, config: EffectiveConfig | None, listens: str = "") -> Evidence:
    setting = config.setting("network", "host") if config else None
    source = setting.origin.where if setting else "network.host"
    bound = (listens, *endpoint.address.listens)[0]
    return Evidence(source, actual=config.host if config else bound)


def _opened(
    instance: Instance, config: EffectiveConfig | None, machine: Machine | None
) -> Iterator[Remedy]:
    setting = config.setting("network", "host") if config else None
    if setting is None or config is None:
        return
    keys = "turn authentication on (network.disable_auth: false), and "
    title = "set network.host to 0.0.0.0"
    if not instance.container or _shares_network(instance):
        title = f"{title}, or to the one address that clients ask at"
    title = f"{keys if config.auth_disabled else ''}{title}"
    wanted = {("network", "host"): "0.0.0.0"}
    yield edit(f"{title[0].upper()}{title[1:]}", setting.origin, instance, wanted, machine)


def _connectable(listens: str) -> str:
    host, _, port = listens.rpartition(":")
    return f"127.0.0.1:{port}" if host in ("0.0.0.0", "[::]") else listens
