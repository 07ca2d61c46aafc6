"""A quadlet: a container that systemd runs through Podman (podman-systemd.unit(5))."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator

from tabbydoctor.described.compose import short_port
from tabbydoctor.described.parts import (
    Bind,
    DescribedService,
    Description,
    Port,
    Stated,
    starts_own,
)

_SECTION = re.compile(r"\[(\w[\w -]*)\]")
_CONTINUED = re.compile(r"\\\s*$")


def quadlet(path: str, text: str) -> Description:
    """The one container of a `.container` file."""
    said = list(_assignments(text))
    first = next((line for section, _, _, line in said if section == "Container"), 1)
    own = [(key, value, line) for section, key, value, line in said if section == "Container"]
    given = {key: Stated(value, line) for key, value, line in own}

    def last(key: str) -> str:
        return given[key].value if key in given else ""

    arguments = " ".join(value for key, value, _ in own if key in ("PodmanArgs", "GlobalArgs"))
    name = last("ContainerName") or posixpath.basename(path).removesuffix(".container")
    health = last("HealthCmd")
    service = DescribedService(
        name,
        first,
        image=last("Image"),
        environment=dict(_environment(own)),
        command=(*_words(last("Entrypoint")), *_words(last("Exec"))),
        command_line=given["Exec"].line if "Exec" in given else first,
        own_entrypoint=starts_own(bool(last("Entrypoint")), (last("Exec"),)),
        ports=tuple(_ports(own, arguments)),
        binds=tuple(_binds(own)),
        gpu=_gpu(own, arguments),
        health=("CMD-SHELL", health) if health and health != "none" else (),
        health_line=given["HealthCmd"].line if "HealthCmd" in given else 0,
        host_network="host" in (last("Network"),) or "--network=host" in arguments,
        working_directory=last("WorkingDir"),
        knows_host=True,  # Podman's own name of the machine needs no setting
        incomplete="its EnvironmentFile= was not read" if "EnvironmentFile" in given else "",
    )
    return Description(path, "quadlet", (service,), podman=True)


def _assignments(text: str) -> Iterator[tuple[str, str, str, int]]:
    """Section, key, value and line; continued lines are one."""
    section, pending, begun = "", "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if not pending and line.lstrip().startswith(("#", ";")):
            continue
        begun = begun or number
        pending += _CONTINUED.sub(" ", line)
        if _CONTINUED.search(line):
            continue
        whole, at = pending.strip(), begun
        pending, begun = "", 0
        found = _SECTION.fullmatch(whole)
        if found:
            section = found[1]
        elif "=" in whole:
            key, _, value = whole.partition("=")
            yield section, key.strip(), value.strip(), at


def _environment(own: list[tuple[str, str, int]]) -> Iterator[tuple[str, Stated]]:
    for key, value, line in own:
        if key == "Environment":
            for word in _words(value):
                name, equals, text = word.partition("=")
                if equals:
                    yield name, Stated(text, line)


def _ports(own: list[tuple[str, str, int]], arguments: str) -> Iterator[Port]:
    for key, value, line in own:
        port = short_port(value, value, line) if key == "PublishPort" else None
        if port:
            yield port


def _binds(own: list[tuple[str, str, int]]) -> Iterator[Bind]:
    for key, value, line in own:
        if key == "Volume":
            parts = value.split(":")
            yield Bind(parts[0] if parts[1:] else "", parts[min(1, len(parts) - 1)], line)
        elif key in ("Mount", "Secret"):
            options = dict(part.partition("=")[::2] for part in value.split(","))
            target = next(
                (options[name] for name in ("destination", "dst", "target") if name in options), ""
            )
            if target:
                yield Bind(options.get("source") or options.get("src") or "", target, line)


def _gpu(own: list[tuple[str, str, int]], arguments: str) -> bool:
    asked = " ".join(value for key, value, _ in own if key in ("AddDevice", "Device"))
    return "nvidia" in asked or "--gpus" in arguments or "nvidia" in arguments


def _words(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return tuple(text.split())
