"""HAProxy: which requests reach TabbyAPI, with which key, for how long; and its health checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise

from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.gateways.reading import reading_of
from tabbydoctor.routers.gateways.text import too_long
from tabbydoctor.routers.haproxy.syntax import sections
from tabbydoctor.routers.haproxy.ways import Proxies

name = "haproxy"
_SECTION = re.compile(r"^(frontend|backend|listen)[ \t]+\S+", re.MULTILINE)
_INSIDE = re.compile(
    r"^[ \t]+(bind|server|default_backend|use_backend|http-request|option|timeout|mode)[ \t]+\S+",
    re.MULTILINE,
)


def recognises(path: str, text: str) -> bool:
    """Whether a file is HAProxy's: by its sections, whatever its name."""
    return bool(_SECTION.search(text) and _INSIDE.search(text)) and "{\n" not in text


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
    if too_long(text):
        return RouterReading(path, name, "it is too long")
    every = sections(text, path)
    if not any(one.kind in ("frontend", "listen", "backend") for one in every):
        return RouterReading(path, name, "it has no frontend, backend or listen")
    further = [one for before, one in pairwise(arguments) if before == "-f"]
    cuts += [f"{one}, which it is given as well, was not read" for one in further if one != path]
    return reading_of(name, path, list(Proxies(every, {}, cuts).passages()), tabby_urls, cuts)
