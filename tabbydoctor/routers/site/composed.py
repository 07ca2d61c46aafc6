"""The router among the services of a compose file, and one that runs in a container."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.deployment.container import Container
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.units import environment_file
from tabbydoctor.described.compose import compose
from tabbydoctor.described.parts import DescribedService
from tabbydoctor.described.reading import variables
from tabbydoctor.host import Host, Process
from tabbydoctor.records import dataclass, field, replace
from tabbydoctor.routers.kinds import UNKNOWN, RouterKinds
from tabbydoctor.routers.site.command import router_command
from tabbydoctor.routers.site.gateway_command import gateway_command
from tabbydoctor.yaml.yaml11 import document

_LIMIT = 512 << 10
_FILES = 50
_BY_ENVIRONMENT = ("OPENAI_API_BASE_URL", "OPENAI_API_BASE_URLS")
_SECRETS = "default-user/secrets.json"
"""Where SillyTavern keeps the keys of its first user, below its data."""
_CONTAINED = ("litellm", "llama-swap")


@dataclass(frozen=True, slots=True)
class Composed:
    """A router by its description."""

    path: str
    kind: str
    environment: Mapping[str, str] | None = field(default=None, repr=False)
    """None where not all of it is known."""
    description: str = ""
    """The compose file that says so."""


def composed(
    host: Host, path: str, text: str, kinds: RouterKinds, service: str = ""
) -> Composed | None:
    """The service that stands before TabbyAPI: by what it is given, one of a name if that is told.

    None where the text is no compose file, or nothing in it leads to TabbyAPI.
    """
    parsed = document(text) if "services:" in text else None
    bodies = parsed.data.get("services") if parsed and isinstance(parsed.data, Mapping) else None
    if parsed is None or parsed.problem or not isinstance(bodies, Mapping):
        return None
    beside = variables(host, path)
    every = compose(path, parsed, beside).services
    tabby = tuple(one.name for one in every if "tabby" in f"{one.name} {one.image}".lower())
    file = _File(host, path, text, kinds, tabby or ("tabby",), beside)
    found = [
        each
        for one in every
        if service in ("", one.name)
        for each in file.roles(one, bodies[one.name])
    ]
    return next(iter(found), None)


def described(site: RouterSite, found: Composed) -> RouterSite:
    """A router, by what describes it."""
    return replace(
        site,
        path=found.path,
        kind=found.kind,
        environment=found.environment,
        description=found.description,
    )


@dataclass(frozen=True, slots=True)
class _File:
    """One compose file."""

    host: Host
    path: str
    text: str
    kinds: RouterKinds
    tabby: tuple[str, ...]
    beside: Mapping[str, str]

    def roles(self, service: DescribedService, body: Any) -> Iterator[Composed]:
        """What a service is before TabbyAPI: by its files, by its variables, by its labels."""
        environment = self.environment(service, body)
        for place in self.mounted(service):
            text = self.read(place)
            kind = self.kinds.of(place, text) if text else UNKNOWN
            if kind not in (UNKNOWN, "python") and self.leads(text, kind):
                yield Composed(place, kind, environment, self.path)
        for variable in _BY_ENVIRONMENT:
            if variable in service.environment and self.leads(service.environment[variable].value):
                yield Composed(self.path, "open-webui", environment, self.path)
        for place in _env_files(self.path, body):
            if any(name in self.read(place) for name in _BY_ENVIRONMENT):
                yield Composed(place, "open-webui", environment, self.path)
        if service.name in self.tabby and "traefik.http." in str(body.get("labels")):
            yield Composed(self.path, "traefik", environment, self.path)

    def leads(self, text: str, kind: str = "") -> bool:
        """Whether a text speaks of TabbyAPI; SillyTavern's secrets have no address."""
        return kind == "sillytavern" or any(name.lower() in text.lower() for name in self.tabby)

    def mounted(self, service: DescribedService) -> Iterator[str]:
        """The files of this machine that it is given."""
        for bind in service.binds:
            if not bind.is_path:
                continue
            source = posixpath.normpath(posixpath.join(posixpath.dirname(self.path), bind.source))
            try:
                status = self.host.status(source)
                if status.is_file:
                    yield source
                elif status.is_directory:
                    names = self.host.names(source)[:_FILES]
                    yield from (f"{source}/{name}" for name in (*names, _SECRETS))
            except (OSError, ValueError):
                continue

    def read(self, path: str) -> str:
        try:
            content = self.host.read(path, _LIMIT)
        except (OSError, ValueError):
            return ""
        return "" if content.truncated or b"\0" in content.data else content.text()

    def environment(self, service: DescribedService, body: Any) -> Mapping[str, str] | None:
        """Its variables, with those that compose itself puts in; None where one is not known."""
        given = dict(self.beside)
        for place in _env_files(self.path, body):
            given |= environment_file(self.read(place))
        given |= {name: stated.value for name, stated in service.environment.items()}
        return None if any("\0" in value for value in given.values()) else given


def _env_files(path: str, body: Any) -> Iterator[str]:
    given = body.get("env_file") if isinstance(body, Mapping) else None
    for one in given if isinstance(given, list) else [given]:
        named = one.get("path") if isinstance(one, Mapping) else one
        if isinstance(named, str):
            yield posixpath.normpath(posixpath.join(posixpath.dirname(path), named))


def contained(host: Host, process: Process, box: Container, kinds: RouterKinds) -> Composed | None:
    """The router that runs in a container: by the compose file it was made from, else by its
    command line, its files where this machine has them. None where neither tells.
    """
    seen = host.seen_by(box.owner) if box.owner else host
    if box.compose_file:
        try:
            text = seen.read(box.compose_file, _LIMIT).text()
        except (OSError, ValueError):
            text = ""
        for service in (box.service, ""):
            found = composed(seen, box.compose_file, text, kinds, service)
            if found:
                return found
    environment = process.environment
    directory = process.cwd or "/"
    gateway = gateway_command(process.argv, directory, host, box.root)
    command = None if gateway else router_command(process.argv, directory, host, environment)
    if command and command.kind in _CONTAINED and command.path:
        gateway = command.path, command.kind
    if gateway:
        inside = box.inside(gateway[0])
        return Composed(box.outside(inside) or box.path(inside), gateway[1], environment)
    if any(name in (environment or {}) for name in _BY_ENVIRONMENT):
        return Composed(f"/proc/{process.pid}/environ", "open-webui", environment)
    return None
