"""Traefik's static configuration: what makes the dynamic one be found, and holds for all of it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import Any

from tabbydoctor.routers import Wait
from tabbydoctor.routers.gateways.text import seconds
from tabbydoctor.routers.traefik.tree import TraefikTree

_ENDINGS = ("yml", "yaml", "toml")
_OF_CONTAINERS = ("docker", "swarm", "kubernetesCRD", "kubernetesIngress", "consulCatalog", "nomad")


def is_static(tree: TraefikTree) -> bool:
    """Whether it is the part that is read at the start alone."""
    if tree.form == "flags":
        return True
    return tree.form in ("yaml", "toml") and bool(tree.at("entryPoints") or tree.at("providers"))


def file_provider(static: TraefikTree) -> Iterator[str]:
    """The files, or patterns of them, that hold the dynamic part; directories count whole."""
    beside = posixpath.dirname(static.path)
    file = static.at("providers", "file", "filename")
    if isinstance(file, str) and file:
        yield posixpath.join(beside, file)
    directory = static.at("providers", "file", "directory")
    if isinstance(directory, str) and directory:
        whole = posixpath.join(beside, directory)
        yield from (f"{whole}/{below}*.{end}" for below in ("", "*/") for end in _ENDINGS)


def sees_containers(static: TraefikTree) -> bool:
    """Whether labels or the like add to it, which stand in no file of its own."""
    return any(static.at("providers", one) is not None for one in _OF_CONTAINERS)


def entry_points(
    statics: Sequence[TraefikTree], names: Sequence[str]
) -> Iterator[tuple[TraefikTree, str]]:
    """Those that a router listens at: those it names, else every one."""
    for static in statics:
        for name in static.section("entryPoints"):
            if not names or name.lower() in {each.lower() for each in names}:
                yield static, name


def waits(
    statics: Sequence[TraefikTree], names: Sequence[str]
) -> Iterator[tuple[TraefikTree, Wait]]:
    """How long every router waits: for the first bytes of an answer, and for the whole of one."""
    answer = ("serversTransport", "forwardingTimeouts", "responseHeaderTimeout")
    places: list[tuple[TraefikTree, tuple[str, ...]]] = [(each, answer) for each in statics]
    for static, name in entry_points(statics, names):
        whole = ("entryPoints", name, "transport", "respondingTimeouts", "writeTimeout")
        places.append((static, whole))
    for static, place in places:
        told = duration(static.at(*place))
        if told:
            line = static.line(*place)
            yield static, Wait(static.path, line, told, place[-1], "answered", True, place)


def duration(value: Any) -> float | None:
    """Seconds of a duration as Traefik writes it; None for none."""
    return seconds([str(value)], "s") if value else None


def of_flags(path: str, words: Sequence[str], line: int, then: str = "") -> TraefikTree:
    """What a command line says: `--entrypoints.web.address=:80`, or a boolean alone."""
    data: dict[str, Any] = {}
    for word in words:
        if not word.startswith("--"):
            continue
        name, given, value = word[2:].partition("=")
        put(data, name.split("."), value if given else "true")
    return TraefikTree(path, "", data, {(): line}, "flags", then=then)


def put(data: dict[str, Any], steps: Sequence[str], value: str) -> None:
    """A value at its place, sections made on the way; names in any case are one."""
    for step in steps[:-1]:
        key = next((each for each in data if each.lower() == step.lower()), step)
        below = data.setdefault(key, {})
        if not isinstance(below, dict):  # `--providers.docker=true --providers.docker.network=x`
            below = data[key] = {}
        data = below
    if steps[-1] and not isinstance(data.get(steps[-1]), dict):
        data[steps[-1]] = value


def flag(words: Sequence[str], name: str) -> str:
    """What a flag is given, in either way of writing it; empty without it."""
    for at, word in enumerate(words):
        option, given, value = word.partition("=")
        if option.lower() in (f"--{name}", f"-{name}"):
            return value if given else "".join(words[at + 1 : at + 2])
    return ""
