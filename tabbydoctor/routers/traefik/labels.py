"""Traefik's labels, as compose files and the engine's records give them to containers.

https://doc.traefik.io/traefik/routing/providers/docker/
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.described.compose import compose
from tabbydoctor.described.parts import Bind, DescribedService
from tabbydoctor.documents import Unreadable, json_of
from tabbydoctor.records import replace
from tabbydoctor.routers.traefik.static import of_flags, put
from tabbydoctor.routers.traefik.tree import NotTraefik, TraefikTree
from tabbydoctor.yaml.nodes import KeyPath
from tabbydoctor.yaml.yaml11 import document

TABBYS_PORT = "5000"
"""What the image of TabbyAPI exposes (docker/Dockerfile)."""
_PREFIX = "traefik."


def labelled(path: str, text: str) -> Iterator[TraefikTree]:
    """What the labels of each container say, and the flags of Traefik's own. Raises NotTraefik."""
    if text.lstrip().startswith("{") and '"Config"' in text:
        yield from _recorded(path, text)
        return
    parsed = document(text)
    bodies = parsed.data.get("services") if isinstance(parsed.data, Mapping) else None
    if parsed.problem or not isinstance(bodies, Mapping):
        raise NotTraefik(parsed.detail or "it has no services", parsed.line)
    for service in compose(path, parsed, {}).services:
        name, body = service.name, bodies[service.name]
        then = f"sudo docker compose -f {shlex.quote(path)} up -d {shlex.quote(name)}"
        if "traefik" in service.image:
            yield of_flags(path, service.command, service.command_line or service.line, then)
        for place in (("labels",), ("deploy", "labels")):
            at: KeyPath = ("services", name, *place)
            labels = dict(_labels(_below(body, place)))
            if labels:
                lines = {key: parsed.line_of(*at, step) for key, (step, _) in labels.items()}
                values = {key: value for key, (_, value) in labels.items()}
                yield replace(_tree(path, text, service, values, lines), labels=at, then=then)


def _below(body: Any, place: tuple[str, ...]) -> Any:
    for step in place:
        body = body.get(step) if isinstance(body, Mapping) else None
    return body


def _labels(given: Any) -> Iterator[tuple[str, tuple[str | int, str]]]:
    """Label -> (where it stands, its value); `$$` is a `$` of compose's."""
    pairs = given.items() if isinstance(given, Mapping) else ()
    for key, value in pairs:
        yield str(key), (str(key), _text(value))
    for number, item in enumerate(given) if isinstance(given, list) else ():
        key, _, value = str(item).partition("=")
        yield key.strip(), (number, _text(value))


def _text(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text.replace("$$", "$").strip()


def _recorded(path: str, text: str) -> Iterator[TraefikTree]:
    """The labels of one container, as Docker's record has them (config.v2.json)."""
    try:
        record = json_of(text)
    except Unreadable as error:
        raise NotTraefik(str(error)) from None
    record = record if isinstance(record, dict) else {}
    config = record.get("Config")
    config = config if isinstance(config, dict) else {}
    given = config.get("Labels")
    labels = {key: value for key, (_, value) in _labels(given or {})}
    if labels:
        name = str(record.get("Name") or "").lstrip("/")
        service = DescribedService(name, 1, image=str(config.get("Image") or ""))
        yield _tree(path, "", service, labels, {})


def _tree(
    path: str, text: str, service: DescribedService, labels: Mapping[str, str],
    where: Mapping[str, int],
) -> TraefikTree:  # fmt: skip
    data: dict[str, Any] = {}
    lines: dict[KeyPath, int] = {(): min(where.values(), default=service.line or 1)}
    for label, value in labels.items():
        if not label.lower().startswith(_PREFIX) or labels.get("traefik.enable") == "false":
            continue
        steps = label[len(_PREFIX) :].split(".")
        put(data, steps, value)
        for length in range(1, len(steps) + 1):
            lines.setdefault(tuple(steps[:length]), where.get(label, 1))
    http = data.get("http")
    if isinstance(http, dict):
        _with_servers(http, service)
    return TraefikTree(path, text, data, lines, "labels" if text else "record")


def _with_servers(http: dict[str, Any], service: DescribedService) -> None:
    """The container itself is the server; a router without a service has the one that is there."""
    routers, services = _part(http, "routers"), _part(http, "services")
    if not services and routers:
        services[service.name] = {}
        http["services"] = services
    for body in services.values():
        if isinstance(body, dict):
            balancer = _part(body, "loadBalancer")
            body[_name(body, "loadBalancer")] = balancer
            server = _part(balancer, "server")
            port = server.get("port") or _port(service)
            url = server.get("url") or f"{server.get('scheme') or 'http'}://{_host(service)}:{port}"
            balancer["servers"] = [{"url": url}]
    for router in routers.values():
        if isinstance(router, dict) and "service" not in router and len(services) == 1:
            router["service"] = next(iter(services))
        if isinstance(router, dict):
            router.setdefault("rule", f"Host(`{service.name}`)")


def _host(service: DescribedService) -> str:
    """Its name, which tells TabbyAPI's; where that does not, its image does."""
    told = "tabby" in service.name.lower() or "tabby" not in service.image.lower()
    return service.name if told else f"{service.name}.tabbyapi"


def _port(service: DescribedService) -> str:
    inner = [port.inner for port in service.ports if port.inner]
    return str(min(inner)) if inner else TABBYS_PORT


def _part(section: dict[str, Any], name: str) -> dict[str, Any]:
    found = section.get(_name(section, name))
    return found if isinstance(found, dict) else {}


def _name(section: Mapping[str, Any], name: str) -> str:
    return next((key for key in section if key.lower() == name.lower()), name)


def providers_of(path: str, text: str) -> tuple[str, ...]:
    """The files of this machine that a compose file mounts into Traefik's own container."""
    parsed = document(text)
    if parsed.problem or not isinstance(parsed.data, Mapping):
        return ()
    services = compose(path, parsed, {}).services
    binds = [one for each in services if "traefik" in each.image for one in each.binds]
    return tuple(found for one in binds if one.is_path for found in _patterns(path, one))


def _patterns(path: str, bind: Bind) -> Iterator[str]:
    source = posixpath.join(posixpath.dirname(path), bind.source)
    if re.search(r"\.(ya?ml|toml)$", source):
        yield source
    elif not re.search(r"\.(sock|json|pem|crt|key|log)$", source):
        yield from (f"{source}/*.{end}" for end in ("yml", "yaml", "toml"))
