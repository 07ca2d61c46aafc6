"""nginx: which requests reach TabbyAPI, over which path, with which key, and for how long.

Its files and those that they include are read; nginx itself is never run for that: `nginx -T`
writes files and loads modules.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.gateways.passage import Passage
from tabbydoctor.routers.gateways.reading import is_named, reading_of
from tabbydoctor.routers.nginx.by_hand import KEY_LINES
from tabbydoctor.routers.nginx.level import Level
from tabbydoctor.routers.nginx.syntax import (
    Directive,
    NotNginx,
    directives,
    expanded,
    included_files,
)
from tabbydoctor.routers.nginx.ways import streams, ways
from tabbydoctor.routers.urls import server

name = "nginx"
mains = ("/etc/nginx/nginx.conf", "/usr/local/nginx/conf/nginx.conf", "/opt/nginx/conf/nginx.conf")
"""Where its main file is, which includes the others."""
key_file = "".join(f"{line}\n" for line in KEY_LINES)
_SIGNS = re.compile(r"^[ \t]*(server|location|upstream|http|stream)\b[^;{}\n]*\{", re.MULTILINE)
_PASSES = re.compile(r"\b(proxy_pass|proxy_set_header|server_name|fastcgi_pass|include)\s+[^;{}]+;")


def recognises(path: str, text: str) -> bool:
    """Whether a file is nginx's: by its blocks and directives, whatever its name."""
    return bool(_SIGNS.search(text) and _PASSES.search(text))


def includes(path: str, text: str, main: str) -> tuple[str, ...]:
    """What a file includes, as absolute patterns of glob(7); relative ones begin at the main's."""
    try:
        given = directives(text, path)
    except NotNginx:
        return ()
    found: list[str] = []
    waiting = [given]
    while waiting:
        for one in waiting.pop():
            if one.block is not None:
                waiting.append(one.block)
            elif one.name == "include" and one.args:
                found.append(posixpath.join(posixpath.dirname(main), one.args[0]))
    return tuple(found)


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
    """Follow requests through it, from its main file where that is known, else from this one."""
    cuts: list[str] = []
    try:
        found = passages(path, {**(files or {}), path: text}, tabby_urls, {}, cuts)
    except NotNginx as error:
        return RouterReading(path, name, f"not valid nginx: {error.message}", error.line)
    return reading_of(name, path, found, tabby_urls, cuts)


def passages(
    path: str,
    texts: Mapping[str, str],
    tabby_urls: tuple[str, ...],
    environment: Mapping[str, str],
    cuts: list[str],
) -> list[Passage]:
    """Every way through it, by the texts of its files. Raises NotNginx for that of `path`."""
    parsed: dict[str, tuple[Directive, ...]] = {}
    for each, held in texts.items():
        try:
            parsed[each] = directives(held, each)
        except NotNginx as error:
            if each == path:
                raise
            cuts.append(f"{each}:{error.line} is not valid nginx: {error.message}")
    main = _main(path, parsed)
    whole = Directive("", (), main, 1, 1, "", expanded(
        parsed[main], parsed, posixpath.dirname(main), cuts
    ))  # fmt: skip
    servers = {server(url) for url in tabby_urls}

    def concerns(one: Passage) -> bool:
        return server(one.base) in servers or is_named(one)

    return [*ways(_http(whole), cuts, concerns), *streams(whole, cuts)]


def _main(path: str, parsed: dict[str, tuple[Directive, ...]]) -> str:
    """The file that nginx begins with: one that leads to this, else this itself."""
    for main in parsed:
        if main != path and any(one.name == "http" for one in parsed[main]):
            reached, waiting = {main}, [main]
            while waiting:
                for pattern in _included(parsed[waiting.pop()]):
                    new = set(included_files(pattern, parsed, posixpath.dirname(main))) - reached
                    reached |= new
                    waiting += new
            if path in reached:
                return main
    return path


def _included(given: tuple[Directive, ...]) -> list[str]:
    found: list[str] = []
    for one in given:
        if one.block is not None:
            found += _included(one.block)
        elif one.name == "include" and one.args:
            found.append(one.args[0])
    return found


def _http(main: Directive) -> Level:
    """What stands in http; a file of sites is what http includes, one of locations a server."""
    given = main.block or ()
    blocks = [one for one in given if one.name == "http"]
    if blocks:
        inside = tuple(each for one in blocks for each in one.block or ())
        return Level(Directive("", (), main.file, 1, 1, "", inside))
    if any(one.name == "location" for one in given):
        server = Directive("server", (), main.file, 1, 1, "", given)
        rest = tuple(one for one in given if one.name in ("upstream", "map", "server"))
        return Level(Directive("", (), main.file, 1, 1, "", (*rest, server)))
    return Level(main)
