"""Where the running TabbyAPI is reached: as told, or by its sockets, its log, its configuration."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from ipaddress import IPv6Address
from urllib.parse import urlsplit

from tabbydoctor.deployment.parts import Instance, ProcessTable
from tabbydoctor.documents import whole_number
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.host import Host
from tabbydoctor.host.data import Listener, Process
from tabbydoctor.records import dataclass, replace
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.locality import hosts_addresses, is_local, is_loopback
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.log_lines import matches
from tabbydoctor.tabbyapi.probes import Address
from tabbydoctor.tabbyapi.standing import named
from tabbydoctor.targets import Targets

_PORTS = {"http": 80, "https": 443}
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
_LOOPBACKS = ("127.0.0.1", "::1")
_FIRST_EPHEMERAL_PORT = 32768
"""Linux hands out ports from here to outgoing connections (ip_local_port_range, ip(7)): a
listener there is some library's (NCCL, torch), not the API."""


@dataclass(frozen=True)
class _Place:
    """A host and port that can be connected to, and how it was found."""

    host: str
    port: int
    found_by: str
    scheme: str = "http"
    path: str = ""
    any: bool = False
    """The host stands for any address of this machine."""

    @property
    def url(self) -> str:
        return f"{self.scheme}://{host_and_port(self.host, self.port)}{self.path}"


def address(
    host: Host,
    targets: Targets,
    instance: Instance | None,
    config: EffectiveConfig | None,
    table: ProcessTable | None,
    log: RunLog | None,
) -> Address:
    """The address of the running server, or the one it should have.

    Raises Absent without a TabbyAPI, Unknown where nothing tells or `--url` is no address.
    """
    own = _own_listeners(instance, table)
    logged = _logged(host, log)
    socket = _listening(own, config, logged)
    place = _given(targets) or _contained(instance, config) or socket or logged
    place = place or _configured(config)
    if place is None:
        if instance is None:
            raise Absent("no TabbyAPI was found on this machine and no --url was given")
        raise Unknown("where TabbyAPI listens cannot be seen; give its address with --url")
    trusted = targets.url is not None and not is_local(host, place.host)
    single = _single(host, place, own, table)
    nearest = single[0] if single else place
    watched = instance is not None and instance.container is None and not trusted
    listens = _holds(own, nearest, table) if watched else None
    boxed = instance is not None and instance.contained is not None
    moved = not boxed and _moved(place, config) and (targets.url is None or listens is True)
    wanted = config.port if config and moved else place.port
    taken = config is not None and any(each not in own for each in _at(config.port, table))
    return Address(
        url=place.url,
        configured=host_and_port(config.host, config.port) if config else "",
        found_by=place.found_by,
        trusted=trusted,
        process_listens=listens,
        holder="" if trusted or boxed else _holder(own, wanted, table),
        moved=moved,
        configured_taken=taken and not boxed,
        configured_too=_held(own, config, table) if targets.url else not taken,
        single=tuple(each.url for each in single),
        listens=tuple(
            host_and_port(each.address, each.port)
            for each in own
            if socket and each.port == socket.port
        ),
        inner=socket.url if socket and socket.url != place.url else "",
        by_containers=_by_containers(instance, config),
    )


GATHERERS = (address,)


def host_and_port(host: str, port: int) -> str:
    """`host:port`, an IPv6 address in brackets (RFC 3986)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def connectable(host: str) -> str:
    """An address to connect to for one that was bound: loopback for a wildcard."""
    bare = host.strip("[]")
    with contextlib.suppress(ValueError):
        bare = str(IPv6Address(bare).ipv4_mapped or bare)
    return _ANY.get(bare, bare)


def _given(targets: Targets) -> _Place | None:
    if targets.url is None:
        return None
    source = targets.source("url")
    try:
        parts = urlsplit(targets.url if "://" in targets.url else f"http://{targets.url}")
        host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        host, port = None, 0
    if not host:
        raise Unknown(f"{source} is not an HTTP address")
    path = parts.path.rstrip("/").removesuffix("/v1")
    return _Place(connectable(host), port, source, parts.scheme, path, any=host in _ANY)


def _single(
    host: Host, place: _Place, own: tuple[Listener, ...], table: ProcessTable | None
) -> list[_Place]:
    """The place once for each address its host stands for, TabbyAPI's own socket first.

    Over TLS the name is kept: the certificate is for it.
    """
    name = place.host.lower()
    found = list(hosts_addresses(host, name)) if is_local(host, name) else []
    if place.any or name == "localhost" or name.endswith(".localhost"):
        found = [*([name] if place.any else found), *_LOOPBACKS]
    if place.scheme != "http" or not found:
        return []
    places = [replace(place, host=address) for address in dict.fromkeys(found)]
    places.sort(key=lambda each: _holds(own, each, table) is not True)
    return places


def _listening(
    own: Iterable[Listener], config: EffectiveConfig | None, logged: _Place | None
) -> _Place | None:
    """The socket of TabbyAPI's own process that is its API: by log, by configuration, or alone."""
    sockets = {listener.port: listener for listener in own}
    likely = [logged.port] if logged else []
    if config:
        likely += [config.port, config.port + 1]
    fixed = [port for port in sockets if port < _FIRST_EPHEMERAL_PORT]
    if len(fixed) == 1:
        likely += fixed
    for port in likely:
        if port in sockets:
            found_by = f"the listening socket of process {sockets[port].pid}"
            return _Place(connectable(sockets[port].address), port, found_by)
    return None


def _contained(instance: Instance | None, config: EffectiveConfig | None) -> _Place | None:
    """Where this machine answers for a container with a network of its own; else its address."""
    box = instance.contained if instance else None
    if box is None or box.own_network is False:
        return None
    port = config.port if config else None
    published = sorted(box.publishes(port), key=lambda one: one.inner != port)
    if published:
        one = published[0]
        return _Place(connectable(one.address), one.port, f"its published port, by {one.seen}")
    if box.addresses and port is not None:
        return _Place(box.addresses[0], port, "the container's own address")
    return None


def _by_containers(instance: Instance | None, config: EffectiveConfig | None) -> tuple[str, ...]:
    box = instance.contained if instance else None
    if box is None or config is None:
        return ()
    names = dict.fromkeys((box.name, box.service, *box.addresses))
    return tuple(f"http://{host_and_port(name, config.port)}" for name in names if name)


def _logged(host: Host, log: RunLog | None) -> _Place | None:
    """Where a run that still goes on said that it serves.

    The first such line counts, and only an address of this machine: a later one may be a
    client's words in a logged prompt.
    """
    said = next(matches(log, "serving"), None) if log and log.present else None
    if said is None:
        return None
    bound, _, text = said[1].partition("://")[2].rpartition(":")
    port = whole_number(text)
    if port is None or not is_local(host, connectable(bound)):
        return None
    return _Place(connectable(bound), port, "TabbyAPI's log")


def _configured(config: EffectiveConfig | None) -> _Place | None:
    if config is None:
        return None
    return _Place(connectable(config.host), config.port, "the effective configuration")


def _own_listeners(instance: Instance | None, table: ProcessTable | None) -> tuple[Listener, ...]:
    if instance is None or table is None:
        return ()
    pids = {process.pid for process in table.processes if _belongs(process, instance)}
    if instance.process:
        pids.add(instance.process.pid)
    if instance.unit and instance.unit.main_pid:
        pids.add(instance.unit.main_pid)
    return tuple(listener for listener in table.listeners if listener.pid in pids)


def _belongs(process: Process, instance: Instance) -> bool:
    unit = instance.unit
    return unit is not None and process.unit == unit.name and process.user_unit == unit.user_manager


def _moved(place: _Place, config: EffectiveConfig | None) -> bool:
    return config is not None and place.port != config.port


def _holds(own: tuple[Listener, ...], place: _Place, table: ProcessTable | None) -> bool | None:
    """Whether TabbyAPI's own process answers at the place; None where it cannot be seen."""
    there = [listener for listener in _at(place.port, table) if _answers(listener, place.host)]
    there = [one for one in there if one.address == place.host] or there  # the kernel's choice
    if table is None or any(listener.pid is None for listener in there):
        return None
    return bool(there) and all(listener in own for listener in there)


def _held(
    own: tuple[Listener, ...], config: EffectiveConfig | None, table: ProcessTable | None
) -> bool:
    """Whether TabbyAPI's own process is seen at the configured address."""
    place = _configured(config)
    return place is not None and _holds(own, place, table) is True


def _at(port: int, table: ProcessTable | None) -> list[Listener]:
    return [listener for listener in (table.listeners if table else ()) if listener.port == port]


def _answers(listener: Listener, host: str) -> bool:
    """Whether a connection to the host reaches the listener (`::` takes IPv4 too, ipv6(7))."""
    bound = listener.address
    if bound in (host, "::") or (bound == "0.0.0.0" and ":" not in host):
        return True
    return host == "localhost" and is_loopback(bound)


def _holder(own: tuple[Listener, ...], port: int, table: ProcessTable | None) -> str:
    """Who else holds the port, in words; empty for nobody, TabbyAPI, or somebody unseen."""
    for listener in _at(port, table):
        if table and listener.pid is not None and listener not in own:
            process = table.process(listener.pid)
            return named(process) if process else f"process {listener.pid}"
    return ""
