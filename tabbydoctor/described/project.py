"""The further files of a compose project: overlays, what is extended, what is included.

As compose finds them (compose-spec, 13-merge.md, 14-include.md): `COMPOSE_FILE` of `.env`, or else
the override beside a file of a default name. Read only within the directory of the file.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.host import Host
from tabbydoctor.records import dataclass, field
from tabbydoctor.yaml import yaml12

Services = Mapping[str, Any]
_DEFAULT = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_OVERRIDES = tuple(
    f"{stem}.override.{end}" for stem in ("compose", "docker-compose") for end in ("yml", "yaml")
)
_COMPOSE = re.compile(r"(?i).*compose.*\.ya?ml")
_TOLD = re.compile(r"(?m)^\s*#.*?(?:-f|--file)[ =]\S+\.ya?ml\s.*?(?:-f|--file)[ =](\S+\.ya?ml)")
"""A remark that says with which file this one is to be started."""
_EXTENDS = "it extends another service, which was not read"
_MOST, _DEEPEST = 16, 8


@dataclass(frozen=True, slots=True)
class Project:
    """What other files than the one that was given say of its services."""

    bodies: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    """Service -> what may say more of it and could not be read, in words."""
    beside: Mapping[str, Services] = field(default_factory=dict)
    """Name -> services of the files beside it that nothing says are used."""
    told: str = ""
    """The file that a remark says is to be put over this one; empty without."""


def project(
    host: Host, path: str, text: str, data: Mapping[str, Any], variables: Mapping[str, str]
) -> Project:
    """Read them; what cannot be read is said of the services that it may concern."""
    files, own = _Files(host, posixpath.dirname(path)), _services(data)
    names = _overlays(files, posixpath.basename(path), variables)
    layers = [(name, files.services(name)) for name in (*names, *_included(data))]
    bodies, unread = {}, {}
    missing = next((f"{name} was not read" for name, one in layers if one is None), "")
    for name, body in own.items():
        if isinstance(body, dict):
            chain = _Chain(files)
            found = list(chain.follow(body, own))[1:]
            for services in (one for _, one in layers if one):
                found += chain.follow(services.get(name), services)
            bodies[str(name)] = tuple(found)
            unread[str(name)] = chain.unread or missing
    told = _TOLD.search(text)
    over = told[1] if told and posixpath.basename(told[1]) not in names else ""
    return Project(bodies, unread, dict(files.others(posixpath.basename(path))), over)


def unfollowed(data: Mapping[str, Any]) -> Project:
    """Nothing else was read: that is said of each service that names another."""
    included = "the file includes others, which were not read" if "include" in data else ""
    unread = {
        str(name): _EXTENDS if isinstance(body, dict) and "extends" in body else included
        for name, body in _services(data).items()
    }
    return Project(unread=unread)


def _services(data: Any) -> Services:
    found = data.get("services") if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def _overlays(files: _Files, base: str, variables: Mapping[str, str]) -> tuple[str, ...]:
    listed = variables.get("COMPOSE_FILE", "")
    names = listed.split(variables.get("COMPOSE_PATH_SEPARATOR") or ":") if listed else []
    names = [posixpath.normpath(name) for name in names if name]
    if base in names:
        return tuple(name for name in names if name != base)[:_MOST]
    if base not in _DEFAULT:
        return ()
    return tuple(name for name in _OVERRIDES if name in files.names)[:1]


def _included(data: Mapping[str, Any]) -> Iterator[str]:
    given = data.get("include")
    for item in (given if isinstance(given, list) else [])[:_MOST]:
        paths = item.get("path") if isinstance(item, dict) else item
        for path in paths if isinstance(paths, list) else [paths]:
            yield str(path)


class _Files:
    """Those below one directory, each read once."""

    def __init__(self, host: Host, directory: str) -> None:
        self._host, self._directory = host, directory or "."
        self._read: dict[str, Services | None] = {}
        try:
            self.names = tuple(host.names(self._directory))
        except OSError:
            self.names = ()

    def services(self, name: str) -> Services | None:
        """Of a file, by its path from the directory; None where it is outside, or no such file."""
        name = posixpath.normpath(name)
        if name not in self._read and len(self._read) < _MOST:
            self._read[name] = self._services(name)
        return self._read.get(name)

    def others(self, base: str) -> Iterator[tuple[str, Services]]:
        """Compose files in the directory that nothing has named."""
        for name in self.names:
            if name != base and name not in self._read and _COMPOSE.fullmatch(name):
                found = self.services(name)
                if found:
                    yield name, found

    def _services(self, name: str) -> Services | None:
        path = posixpath.join(self._directory, name)
        if "\0" in name or "$" in name or name.startswith(("/", "../")) or self._leads_out(path):
            return None
        try:
            content = self._host.read(path, yaml12.MAX_BYTES)
        except (OSError, ValueError):
            return None
        document = yaml12.document(content.data)
        return None if document.problem or content.truncated else _services(document.data)

    def _leads_out(self, path: str) -> bool:
        try:
            top, real = self._host.real_path(self._directory), self._host.real_path(path)
        except (OSError, ValueError):
            return True
        return not real.startswith(f"{top.rstrip('/')}/")


class _Chain:
    """A service, what it extends, what that extends, and so on."""

    def __init__(self, files: _Files) -> None:
        self._files, self.unread = files, ""

    def follow(
        self, body: Any, services: Services, directory: str = "", depth: int = 0
    ) -> Iterator[Mapping[str, Any]]:
        if not isinstance(body, dict):
            return
        yield body
        extends = body.get("extends")
        if not extends:
            return
        named = extends if isinstance(extends, dict) else {"service": extends}
        file = posixpath.normpath(posixpath.join(directory, str(named.get("file") or "")))
        if named.get("file"):
            services, directory = self._files.services(file) or {}, posixpath.dirname(file)
        target = services.get(named["service"]) if _is_name(named.get("service")) else None
        if not isinstance(target, dict) or depth >= _DEEPEST:
            self.unread = _EXTENDS
            return
        yield from self.follow(target, services, directory, depth + 1)


def _is_name(value: Any) -> bool:
    return isinstance(value, str)
