"""What the running router, and the backends it names besides TabbyAPI, say of themselves."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from tabbydoctor.deployment.parts import ProcessTable, RouterSite
from tabbydoctor.documents import json_of
from tabbydoctor.facts import Absent
from tabbydoctor.host import Host, HttpAnswer
from tabbydoctor.records import dataclass, field
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.announced import announced
from tabbydoctor.routers.inputs import RouterInputs
from tabbydoctor.routers.unread import unread_of
from tabbydoctor.routers.urls import server
from tabbydoctor.tabbyapi.locality import hosts_addresses, is_local
from tabbydoctor.tabbyapi.log_lines import PROBE_MARK
from tabbydoctor.tabbyapi.probes import Address

_SERVICE_INFO = "/.well-known/serviceinfo"
_HEALTH = {"litellm": "/health/liveliness", "llama-swap": "/health"}
"""By kind: what answers by itself. LiteLLM's /health asks every model for a completion."""
_GOOD = {"ok", "healthy", "up", "ready", "running", "online", "available"}
HealthState = Literal["up", "down", "loading", "key"]


@dataclass(frozen=True, slots=True)
class RouterHealth:
    """The router's own word of its health, by `GET path`."""

    url: str
    answer: HttpAnswer
    tabbyapi: bool | None = None
    """What it says of TabbyAPI; None where it says nothing."""
    unseen: str = ""
    """Why it could not be asked, in words with what is needed; empty when it was."""
    path: str = "/health"


@dataclass(frozen=True, slots=True)
class RouterTargets:
    """Who answers where the router looks for TabbyAPI."""

    answers: Mapping[str, HttpAnswer]
    """Base URL -> the answer to `GET /.well-known/serviceinfo`, asked without a key."""
    resolved: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Base URL -> the addresses that /etc/hosts gives its host, where that is a name."""


@dataclass(frozen=True, slots=True)
class BackendState:
    """One backend beside TabbyAPI."""

    name: str
    url: str
    state: HealthState
    seen: str
    """What was answered, in words."""


@dataclass(frozen=True, slots=True)
class RouterBackends:
    """The other backends on this machine."""

    states: tuple[BackendState, ...] = ()


async def router_health(
    host: Host,
    site: RouterSite,
    table: ProcessTable,
    inputs: RouterInputs,
    address: Address | None = None,
) -> RouterHealth:
    """Ask the router's own port. Raises Absent where it cannot be asked without side effects.

    A router whose health check posts a completion is not asked: it would send one. Nor is one
    whose source was not read to its end, or has no such route: it may hand the request on to a
    backend that generates a token for it.
    """
    path = _path(site, inputs)
    port = listening_port(site, table)
    if port is None and site.process and any(each.pid is None for each in table.listeners):
        unseen = "the port the router listens on cannot be seen without root (use sudo)"
        return RouterHealth("", HttpAnswer(""), unseen=unseen)
    if port is None:
        raise Absent("the router listens on no port that can be seen")
    url = _url(site, port)
    async with announced(host, address.url) if address else contextlib.nullcontext():
        answer = await host.get(f"{url}{path}")
    return RouterHealth(url, answer, _said_of_tabbyapi(answer.body), path=path)


def _path(site: RouterSite, inputs: RouterInputs) -> str:
    """Where it tells of its health and reaches no model; raises Absent without such a path."""
    if site.kind in _HEALTH:
        return _HEALTH[site.kind]
    reading = inputs.reading
    if reading.harmless_health:
        return "/health"
    if unread := (reading.incomplete or unread_of(reading)):
        raise Absent(f"what its /health does is not known: {unread}")
    if any(call.method not in ("GET", "HEAD") for call in reading.of("probe")):
        raise Absent("asking the router for its health would make it send a completion")
    if not any("/health" in text for text in inputs.sources.values()):
        raise Absent("the router has no /health of its own")
    return "/health"


def listening_port(site: RouterSite, table: ProcessTable) -> int | None:
    """The port that the router's processes listen on, the lowest of several; None for none."""
    pids = {site.process.pid} if site.process else set()
    if site.unit:
        pids |= {process.pid for process in table.processes if process.unit == site.unit.name}
    ports = [listener.port for listener in table.listeners if listener.pid in pids]
    return min(ports, default=None)


def own_url(site: RouterSite, table: ProcessTable) -> str | None:
    """Where the running router itself can be asked; None where it listens on no port."""
    port = listening_port(site, table)
    return None if port is None else _url(site, port)


def _url(site: RouterSite, port: int) -> str:
    own = (each for each in site.urls if each.endswith(f":{port}"))
    return next(own, f"http://127.0.0.1:{port}")


def _said_of_tabbyapi(body: bytes) -> bool | None:
    try:
        return _of_tabbyapi(json_of(body))
    except (ValueError, RecursionError):
        return None


def _of_tabbyapi(data: Any) -> bool | None:
    """The verdict under a key such as `tabbyapi`, anywhere in the document."""
    if not isinstance(data, Mapping):
        return None
    for key, value in data.items():
        if "tabby" in str(key).lower():
            said = _verdict(value)
            if said is not None:
                return said
    return next((said for each in data.values() if (said := _of_tabbyapi(each)) is not None), None)


def _verdict(value: Any) -> bool | None:
    if isinstance(value, Mapping):
        value = next((value[key] for key in ("healthy", "status", "up") if key in value), None)
    if isinstance(value, bool):
        return value
    return value.lower() in _GOOD if isinstance(value, str) else None


async def router_targets(
    host: Host, reading: RouterReading, address: Address | None
) -> RouterTargets:
    """Ask whoever answers on this machine where the router looks for TabbyAPI."""
    urls = [
        url
        for url in reading.addresses
        if (place := server(url))
        and (place[0] == "localhost" or is_local(host, place[0]))
        and not (address and url == address.url)
    ]
    answers = await asyncio.gather(
        *(host.get(f"{url}{_SERVICE_INFO}?{PROBE_MARK}") for url in urls)
    )
    names = {url: urlsplit(url).hostname or "" for url in urls}
    resolved = {url: found for url, name in names.items() if (found := hosts_addresses(host, name))}
    return RouterTargets(dict(zip(urls, answers, strict=True)), resolved)


async def router_backends(
    host: Host, reading: RouterReading, address: Address | None
) -> RouterBackends:
    """Ask each backend on this machine that the router names, without a key."""
    tabby = {server(url) for url in (*reading.addresses, *([address.url] if address else []))}
    others = {
        name if re.fullmatch(r"\w[\w.-]*", name) else url: url
        for name, url in reading.backends.items()
        if (place := server(url)) and place[0] == "localhost" and place not in tabby
    }
    if not others:
        raise Absent("the router names no other backend on this machine")
    states = await asyncio.gather(*(_state(host, name, url) for name, url in others.items()))
    return RouterBackends(tuple(states))


async def _state(host: Host, name: str, url: str) -> BackendState:
    health = await host.get(f"{url}/health")
    if health.status is None:
        return BackendState(name, url, "down", health.error or "no answer")
    if health.status == 503:
        return BackendState(name, url, "loading", "503 from /health")
    models = await host.get(f"{url}/v1/models")
    if models.status in (401, 403):
        return BackendState(name, url, "key", f"{models.status} from /v1/models")
    return BackendState(name, url, "up", f"{health.status} from /health")


GATHERERS = (router_health, router_backends, router_targets)
