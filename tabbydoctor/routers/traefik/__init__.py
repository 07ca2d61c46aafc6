"""Traefik: its dynamic configuration (YAML, TOML, labels of containers), found by its static one.

https://doc.traefik.io/traefik/getting-started/configuration-overview/
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.gateways.reading import reading_of
from tabbydoctor.routers.traefik.dynamic import Ways
from tabbydoctor.routers.traefik.labels import labelled, providers_of
from tabbydoctor.routers.traefik.static import (
    file_provider,
    flag,
    is_static,
    of_flags,
    sees_containers,
)
from tabbydoctor.routers.traefik.tree import NotTraefik, TraefikTree, tree_of

name = "traefik"
mains = tuple(f"/etc/traefik/traefik.{ending}" for ending in ("yml", "yaml", "toml"))
_HTTP = re.compile(r"^(http[ \t]*:|[ \t]*\[+http\.)", re.MULTILINE)
_PARTS = re.compile(r"^[ \t]+(routers|services)[ \t]*:|\bhttp\.(routers|services)\b", re.MULTILINE)
_STATIC = re.compile(r"^(entrypoints|providers)[ \t]*:|^[ \t]*\[+providers\b", re.M | re.I)
_LABEL = re.compile(r"\btraefik\.http\.(routers|services|middlewares)\.", re.IGNORECASE)


def recognises(path: str, text: str) -> bool:
    """Whether a file is a dynamic or static configuration, or gives containers Traefik's labels."""
    if _LABEL.search(text):
        return True
    dynamic = _HTTP.search(text) and _PARTS.search(text)
    if dynamic and re.search(r"loadBalancer", text, re.IGNORECASE):
        return True
    named = posixpath.basename(path).startswith("traefik.")
    return bool(_STATIC.search(text)) and (named or bool(re.search(r"entrypoints", text, re.I)))


def includes(path: str, text: str, main: str) -> tuple[str, ...]:
    """Where its file provider looks; of a compose file, what Traefik's service is given."""
    try:
        trees = _trees(path, text)
    except NotTraefik:
        return ()
    static = [each for each in trees if is_static(each) and each.form != "flags"]
    found = [one for each in static for one in file_provider(each)]
    return (*found, *(providers_of(path, text) if _LABEL.search(text) else ()))


def given(arguments: Sequence[str], directory: str) -> tuple[str, ...]:
    """What its command line names: a static file, or where its file provider looks."""
    file = flag(arguments, "configfile")
    static = of_flags("", arguments, 0)
    named = [file] if file else []
    return tuple(posixpath.join(directory or "/", one) for one in (*named, *file_provider(static)))


def read(
    path: str,
    text: str,
    tabby_urls: tuple[str, ...],
    *,
    files: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    directory: str = "",
    roots: tuple[str, ...] = (),
    arguments: tuple[str, ...] = (),
) -> RouterReading:
    """Follow requests through its routers."""
    cuts: list[str] = []
    trees: list[TraefikTree] = []
    for each, held in {path: text, **(files or {})}.items():
        try:
            trees += _trees(each, held)
        except NotTraefik as error:
            if each == path:
                return RouterReading(path, name, error.message, error.line)
            cuts.append(f"{each}:{error.line or 1} is not followed: {error.message}")
    statics = [one for one in trees if is_static(one)]
    statics += [of_flags(path, arguments, 1)] if arguments else []
    dynamics = [one for one in trees if not is_static(one) and _is_exposed(one, statics)]
    found = list(Ways(dynamics, statics, cuts).passages())
    reading = reading_of(name, path, found, tabby_urls, cuts)
    seen = any(one.form in ("labels", "record") for one in trees)
    if not reading.calls and not seen and any(map(sees_containers, statics)):
        why = "labels of containers may lead to TabbyAPI: name the compose file that has them"
        return reading_of(name, path, found, tabby_urls, [*cuts, why])
    return reading


def _trees(path: str, text: str) -> list[TraefikTree]:
    """What one file says, by its form. Raises NotTraefik."""
    return list(labelled(path, text)) if _LABEL.search(text) else [tree_of(path, text)]


def _is_exposed(tree: TraefikTree, statics: Sequence[TraefikTree]) -> bool:
    """Whether Traefik looks at a container's labels: by its own word, else by the rule for all."""
    if tree.form not in ("labels", "record") or "enable" in tree.data:
        return tree.data.get("enable") != "false"
    given = (each.at("providers", "docker", "exposedByDefault") for each in statics)
    return not any(str(one).lower() == "false" for one in given)
