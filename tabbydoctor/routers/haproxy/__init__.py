"""HAProxy: which requests reach TabbyAPI, with which key, for how long; and its health checks."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.gateways.passage import Passage
from tabbydoctor.routers.gateways.reading import reading_of
from tabbydoctor.routers.gateways.text import too_long
from tabbydoctor.routers.haproxy.in_place import KEY_TEXT
from tabbydoctor.routers.haproxy.rules import MAPPED
from tabbydoctor.routers.haproxy.syntax import PROXIES, ProxySection, sections
from tabbydoctor.routers.haproxy.ways import Proxies

name = "haproxy"
mains = ("/etc/haproxy/haproxy.cfg",)
key_file = KEY_TEXT
_SECTION = re.compile(r"^(frontend|backend|listen)[ \t]+\S+", re.MULTILINE)
_PART = re.compile(r"^(global|defaults|frontend|backend|listen|resolvers|userlist|peers)\b", re.M)
_INSIDE = re.compile(
    r"^[ \t]+(bind|server|default_backend|use_backend|http-request|option|timeout|mode)[ \t]+\S+",
    re.MULTILINE,
)


def recognises(path: str, text: str) -> bool:
    """Whether a file is HAProxy's: by its sections, whatever its name."""
    return bool(_SECTION.search(text) and _INSIDE.search(text)) and "{\n" not in text


def given(arguments: Sequence[str], directory: str) -> tuple[str, ...]:
    """The files of its command line, in their order; of a directory every *.cfg (haproxy(1))."""
    named = [one for before, one in pairwise(arguments) if before == "-f"]
    if "--" in arguments:
        named += arguments[arguments.index("--") + 1 :]
    whole = [posixpath.normpath(posixpath.join(directory or "/", one)) for one in named]
    return tuple(found for one in whole for found in (one, f"{one}/*.cfg"))


def includes(path: str, text: str, main: str) -> tuple[str, ...]:
    """The map files from which it takes a header's value."""
    return tuple(found[2] for found in MAPPED.finditer(text)) if path == main else ()


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
    """Follow requests through its frontends; `environment` gives what its addresses refer to."""
    cuts: list[str] = []
    whole = {path: text, **(files or {})}
    if too_long("\n".join(whole.values())):
        return RouterReading(path, name, "it is too long")
    order = given(arguments, directory)
    every = _sections(path, whole, order)
    if not any(one.kind in PROXIES for one in every):
        return RouterReading(path, name, "it has no frontend, backend or listen")
    return reading_of(name, path, list(Proxies(every, whole, cuts).passages()), tabby_urls, cuts)


def passages(
    path: str,
    texts: Mapping[str, str],
    tabby_urls: tuple[str, ...],
    environment: Mapping[str, str],
    cuts: list[str],
) -> list[Passage]:
    """Every way through it, by the texts of its files."""
    return list(Proxies(_sections(path, texts, ()), texts, cuts).passages())


def _sections(path: str, texts: Mapping[str, str], order: Sequence[str]) -> list[ProxySection]:
    """What its configuration files hold, in the order that they are given in; no map is one."""
    every: list[ProxySection] = []
    parts = {each: held for each, held in texts.items() if each == path or _PART.search(held)}
    for each, held in _in_order(parts, order):
        every += sections(held, each, every)
    return every


def _in_order(files: Mapping[str, str], given: Sequence[str]) -> list[tuple[str, str]]:
    """As HAProxy reads them, one after the other: defaults hold for the files that follow."""
    places = list(given)

    def rank(path: str) -> tuple[int, str]:
        directory = f"{posixpath.dirname(path)}/*.cfg"
        named = path if path in places else directory
        return (places.index(named) if named in places else -1), path

    return sorted(files.items(), key=lambda one: rank(one[0]))
