"""Caddy: which requests reach TabbyAPI by its Caddyfile, over which path, with which key."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

from tabbydoctor.documents import Unreadable
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.caddy.by_hand import KEY_LINES
from tabbydoctor.routers.caddy.native import is_native, native_passages
from tabbydoctor.routers.caddy.syntax import (
    CaddyLine,
    NotCaddyfile,
    caddy_lines,
    expanded_lines,
    sites,
)
from tabbydoctor.routers.caddy.ways import through
from tabbydoctor.routers.gateways.passage import Passage
from tabbydoctor.routers.gateways.reading import reading_of

name = "caddy"
mains = ("/etc/caddy/Caddyfile",)
key_file = "".join(f"{line}\n" for line in KEY_LINES)
_PROXY = re.compile(r"^[ \t]*reverse_proxy[ \t]+[^\n;=]+$", re.MULTILINE)


def recognises(path: str, text: str) -> bool:
    """Whether a file is Caddy's: by reverse_proxy, or as its JSON."""
    named = posixpath.basename(path).lower().startswith("caddyfile")
    return named or bool(_PROXY.search(text)) or is_native(text)


def includes(path: str, text: str, main: str) -> tuple[str, ...]:
    """What it imports that may be a file."""
    found = re.findall(r"^[ \t]*import[ \t]+(\S+)", text, re.MULTILINE)
    return tuple(posixpath.join(posixpath.dirname(path), each) for each in found)


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
    """Follow requests through its sites; `{$NAME}` is looked up in the environment."""
    cuts: list[str] = []
    if is_native(text):
        try:
            return reading_of(name, path, native_passages(path, text, cuts), tabby_urls, cuts)
        except Unreadable as error:
            return RouterReading(path, name, str(error), error.line)
    try:
        texts = {**(files or {}), path: text}
        found = passages(path, texts, tabby_urls, environment or {}, cuts)
    except NotCaddyfile as error:
        problem = f"not a valid Caddyfile: {error.message}"
        return RouterReading(path, name, problem, error.line)
    return reading_of(name, path, found, tabby_urls, cuts)


def passages(
    path: str,
    texts: Mapping[str, str],
    tabby_urls: tuple[str, ...],
    environment: Mapping[str, str],
    cuts: list[str],
) -> list[Passage]:
    """Every way through it, by the texts of its files. Raises NotCaddyfile for that of `path`."""
    parsed: dict[str, tuple[CaddyLine, ...]] = {}
    for each, held in texts.items():
        try:
            parsed[each] = caddy_lines(held, each, environment)
        except NotCaddyfile as error:
            if each == path:
                raise
            cuts.append(f"{each}:{error.line} is not a valid Caddyfile: {error.message}")
    main = next((each for each in mains if each in parsed), path)
    snippets = {name: one for given in parsed.values() for name, one in sites(given)[1].items()}
    whole = expanded_lines(parsed[main], snippets, parsed, cuts)
    return list(through(sites(whole)[0], cuts))
