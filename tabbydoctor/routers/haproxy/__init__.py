"""HAProxy: which requests reach TabbyAPI, with which key, for how long; and its health checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise

from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.gateways.passage import Passage
from tabbydoctor.routers.gateways.reading import reading_of
from tabbydoctor.routers.haproxy.in_place import KEY_TEXT
from tabbydoctor.routers.haproxy.rules import MAPPED
from tabbydoctor.routers.haproxy.syntax import PROXIES, sections
from tabbydoctor.routers.haproxy.ways import Proxies

name = "haproxy"
mains = ("/etc/haproxy/haproxy.cfg",)
key_file = KEY_TEXT
_SECTION = re.compile(r"^(frontend|backend|listen)[ \t]+\S+", re.MULTILINE)
_INSIDE = re.compile(
    r"^[ \t]+(bind|server|default_backend|use_backend|http-request|option|timeout|mode)[ \t]+\S+",
    re.MULTILINE,
)


def recognises(path: str, text: str) -> bool:
    """Whether a file is HAProxy's: by its sections, whatever its name."""
    return bool(_SECTION.search(text) and _INSIDE.search(text)) and "{\n" not in text


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
    if not any(one.kind in PROXIES for one in sections(text, path)):
        return RouterReading(path, name, "it has no frontend, backend or listen")
    further = [one for before, one in pairwise(arguments) if before == "-f"]
    cuts += [f"{one}, which it is given as well, was not read" for one in further if one != path]
    found = passages(path, {**(files or {}), path: text}, tabby_urls, {}, cuts)
    return reading_of(name, path, found, tabby_urls, cuts)


def passages(
    path: str,
    texts: Mapping[str, str],
    tabby_urls: tuple[str, ...],
    environment: Mapping[str, str],
    cuts: list[str],
) -> list[Passage]:
    """Every way through it, by the texts of its files."""
    return list(Proxies(sections(texts[path], path), texts, cuts).passages())
