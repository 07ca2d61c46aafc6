"""compose.yaml: the services, as the Compose specification has them (compose-spec, spec.md)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tabbydoctor.described.parts import (
    Bind,
    DescribedService,
    Description,
    Port,
    Stated,
    starts_own,
)
from tabbydoctor.described.project import Project, unfollowed
from tabbydoctor.documents import whole_number
from tabbydoctor.yaml.document import YamlDocument

_VARIABLE = re.compile(r"\$\$|\$\{(\w+)(?:(:?[-?+])([^{}]*))?\}|\$(\w+)")
_UNKNOWN = "\x00"
"""Stands for a variable that nothing here sets."""
_HOST = "host.docker.internal"
_OF_GPU = frozenset(("gpus", "deploy", "devices", "device_requests", "runtime", "privileged"))


def compose(
    path: str,
    document: YamlDocument,
    variables: Mapping[str, str],
    project: Project | None = None,
) -> Description:
    """The services of a compose file, variables put in where their value is known; `project`: what
    further files say, where these were looked for."""
    data = document.data if isinstance(document.data, dict) else {}
    given = data.get("services")
    bodies = given.items() if isinstance(given, dict) else ()
    read = _Reader(document, variables, project or unfollowed(data))
    services = [read.service(str(name), body) for name, body in bodies if isinstance(body, dict)]
    return Description(path, "compose", tuple(services))


class _Reader:
    def __init__(
        self, document: YamlDocument, variables: Mapping[str, str], project: Project
    ) -> None:
        self._document, self._variables, self._project = document, variables, project

    def service(self, name: str, body: Mapping[str, Any]) -> DescribedService:
        entry, command = self._words(body.get("entrypoint")), self._words(body.get("command"))
        key = "command" if command else "entrypoint"
        words = (*entry, *command)
        health = body.get("healthcheck")
        gpu, gpu_unread = self._gpu_of(name, body)
        return DescribedService(
            name,
            self._line(name),
            image=self._text(body.get("image")),
            environment=dict(self._environment(name, body.get("environment"))),
            command=words,
            command_line=self._line(name, key),
            own_entrypoint=starts_own(bool(entry), words),
            ports=tuple(self._ports(name, body.get("ports"))),
            binds=tuple(self._binds(name, body)),
            gpu=gpu,
            gpu_unread=gpu_unread,
            health=self._health(health),
            health_line=self._line(name, "healthcheck", "test"),
            host_network=self._text(body.get("network_mode")) == "host",
            working_directory=self._text(body.get("working_dir")),
            knows_host=_HOST in str(body.get("extra_hosts") or ""),
            incomplete=_elsewhere(
                body, self._project.bodies.get(name), self._project.unread.get(name)
            ),
        )

    def _line(self, *path: str | int) -> int:
        return self._document.line_of("services", *path)

    def _text(self, value: Any) -> str:
        """A scalar with its variables put in."""
        if value is None or isinstance(value, dict | list):
            return ""
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return _VARIABLE.sub(self._value, text)

    def _value(self, found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        name, operator, given = found[1] or found[4], found[2] or "", found[3] or ""
        value = self._variables.get(name)
        if operator.endswith("-") and (value is None or (operator == ":-" and not value)):
            return given
        return _UNKNOWN if value is None else value

    def _words(self, value: Any) -> tuple[str, ...]:
        if isinstance(value, list):
            return tuple(self._text(word) for word in value)
        return _split(self._text(value))

    def _environment(self, name: str, given: Any) -> Iterator[tuple[str, Stated]]:
        if isinstance(given, dict):
            for key, value in given.items():
                if value is not None:
                    line = self._line(name, "environment", str(key))
                    yield str(key), Stated(self._text(value), line)
        for number, item in enumerate(given) if isinstance(given, list) else ():
            key, equals, value = str(item).partition("=")
            if equals:
                yield key, Stated(self._text(value), self._line(name, "environment", number))

    def _ports(self, name: str, given: Any) -> Iterator[Port]:
        for number, item in enumerate(given) if isinstance(given, list) else ():
            line = self._line(name, "ports", number)
            if isinstance(item, dict):
                port = self._long_port(item, line)
            else:
                port = short_port(self._text(item), str(item), line)
            if port:
                yield port

    def _long_port(self, item: Mapping[str, Any], line: int) -> Port | None:
        if self._text(item.get("protocol")) == "udp":
            return None
        outer, inner = self._text(item.get("published")), self._text(item.get("target"))
        address = self._text(item.get("host_ip")) or "0.0.0.0"
        text = f"{address}:{outer}:{inner}".replace(_UNKNOWN, "…")
        return Port(text, line, address, whole_number(outer), whole_number(inner))

    def _binds(self, name: str, body: Mapping[str, Any]) -> Iterator[Bind]:
        for key in ("volumes", "configs", "secrets"):
            given = body.get(key)
            for number, item in enumerate(given) if isinstance(given, list) else ():
                line = self._line(name, key, number)
                if isinstance(item, dict):
                    source, target = self._text(item.get("source")), self._text(item.get("target"))
                    if target and self._text(item.get("type")) != "tmpfs":
                        yield Bind(source, target, line)
                elif key == "volumes":
                    parts = self._text(item).split(":")
                    yield Bind(parts[0] if parts[1:] else "", parts[min(1, len(parts) - 1)], line)

    def _gpu_of(self, name: str, body: Mapping[str, Any]) -> tuple[bool | None, str]:
        """Of a service with all that other files say of it; what may say more, where none does."""
        project = self._project
        each = [self._gpu(one) for one in (body, *project.bodies.get(name, ()))]
        if True in each:
            return True, ""
        over = next((file for file, one in project.beside.items() if self._over(one, name)), "")
        unread = project.unread.get(name, "") or (None in each and "a variable says it") or ""
        if over or project.told:
            unread = unread or f"{over or project.told} may be put over it (-f), and gives it one"
        elif not body.keys() & {"image", "build", "extends"}:
            unread = unread or "it has neither image nor build, so this file is put over another"
        return (None if unread else False), unread

    def _over(self, services: Mapping[str, Any], name: str) -> bool:
        """Whether a file adds a GPU to a service that it does not describe itself."""
        body = services.get(name)
        whole = not isinstance(body, dict) or body.keys() & {"image", "build"}
        return isinstance(body, dict) and not whole and self._gpu(body) is True

    def _gpu(self, body: Mapping[str, Any]) -> bool | None:
        deploy = body.get("deploy")
        resources = deploy.get("resources") if isinstance(deploy, dict) else None
        asked = (body.get("gpus"), resources, body.get("devices"), body.get("device_requests"))
        text = self._written(asked)
        privileged = self._text(body.get("privileged")) == "true"
        if body.get("gpus") or privileged or self._text(body.get("runtime")) == "nvidia":
            return True
        if re.search(r"\bgpu\b|nvidia", text):
            return True
        return None if _UNKNOWN in text else False

    def _written(self, value: Any) -> str:
        if isinstance(value, dict):
            return " ".join(f"{key} {self._written(item)}" for key, item in value.items())
        if isinstance(value, list | tuple):
            return " ".join(map(self._written, value))
        return self._text(value)

    def _health(self, given: Any) -> tuple[str, ...]:
        if not isinstance(given, dict) or self._text(given.get("disable")) == "true":
            return ()
        test = given.get("test")
        if isinstance(test, list):
            return () if test[:1] == ["NONE"] else self._words(test)
        return ("CMD-SHELL", self._text(test)) if test else ()


def short_port(text: str, written: str, line: int) -> Port | None:
    """`[ADDRESS:][HOST:]CONTAINER[/PROTOCOL]`, as compose, docker run and podman take it."""
    spec, _, protocol = text.partition("/")
    if protocol == "udp" or not spec:
        return None
    address, separator, rest = spec.rpartition("]:")
    if separator:
        address = address.lstrip("[")
    else:
        head, _, rest = spec.rpartition(":")
        address, _, outer = head.rpartition(":")
        rest = f"{outer}:{rest}" if head else rest
    outer, colon, inner = rest.rpartition(":")
    outer = outer if colon else ""
    return Port(
        written,
        line,
        address or "0.0.0.0",
        whole_number(outer),
        whole_number(inner) if inner else None,
    )


def _split(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return tuple(text.split())


def _elsewhere(
    body: Mapping[str, Any], others: Sequence[Mapping[str, Any]] | None, unread: str | None
) -> str:
    if unread or body.get("env_file"):
        return unread or "its env_file was not read"
    more = any(one.keys() - _OF_GPU for one in others or ())
    return "of what other files or services say of it only the GPU was read" if more else ""
