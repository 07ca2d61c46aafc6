"""What Caddy makes of a request: directives in its order, not in the file's.

https://caddyserver.com/docs/caddyfile/directives#directive-order
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence

from tabbydoctor.records import dataclass, replace
from tabbydoctor.routers.caddy.matchers import (
    CaddyRequest,
    Named,
    is_for,
    keys_asked,
    named_matchers,
    split,
)
from tabbydoctor.routers.caddy.syntax import CaddyLine
from tabbydoctor.routers.gateways.passage import (
    CALLERS_OWN,
    NO_KEY,
    SentKey,
    bearer,
    of_variable,
    written,
)
from tabbydoctor.routers.gateways.text import put_into

_ORDER = (
    "redir", "method", "rewrite", "uri", "try_files", "basic_auth", "basicauth", "forward_auth",
    "request_header", "handle", "handle_path", "route", "abort", "error", "respond",
    "reverse_proxy",
)  # fmt: skip
_VARIABLE = re.compile(r"(?:bearer )?\{(?:env\.|\$)(\w+)\}", re.IGNORECASE)
_CALLERS = re.compile(r"\{(?:http\.request\.)?header\.authorization\}", re.IGNORECASE)
_GROUPED = ("handle", "handle_path")


@dataclass(frozen=True)
class CaddyWay:
    """A request on its way, and at its end the reverse_proxy that takes it."""

    request: CaddyRequest
    key: SentKey = CALLERS_OWN
    proxy: CaddyLine | None = None
    block: CaddyLine | None = None
    """What the reverse_proxy stands in."""


def followed(
    block: CaddyLine, way: CaddyWay, named: Named, cuts: list[str], *, ordered: bool = True
) -> Iterator[CaddyWay]:
    """The ways that end in a reverse_proxy within a block."""
    lines = list(block.block or ())
    named = {**named, **named_matchers(lines)}
    for line in _sorted(lines, named) if ordered else lines:
        matcher, arguments = split(line)
        said = is_for(matcher, way.request, named)
        if line.name in ("respond", "abort", "error", "redir") and keys_asked(matcher, named):
            given = bearer(keys_asked(matcher, named), line.file, line.line)
            way = replace(way, key=given) if way.key == CALLERS_OWN else way
            continue
        if said is False:
            continue
        if line.name in (*_GROUPED, "route"):
            inner = way
            if line.name == "handle_path":
                inner = replace(way, request=_without(way.request, matcher.rstrip("*").rstrip("/")))
            ends = yield from _taken(
                followed(line, inner, named, cuts, ordered=line.name != "route")
            )
            if said is True and (line.name in _GROUPED or ends):
                return
        elif line.name == "reverse_proxy":
            yield replace(way, proxy=line, block=block)
            if said is True:
                return
        elif line.name in ("respond", "abort", "error", "redir") and said is True:
            return
        else:
            way = _changed(line, arguments, way, cuts)


def _taken(ways: Iterator[CaddyWay]) -> Generator[CaddyWay, None, bool]:
    """Hands ways on, and returns whether there was one."""
    some = False
    for way in ways:
        some = True
        yield way
    return some


def _sorted(lines: Sequence[CaddyLine], named: Named) -> list[CaddyLine]:
    """In the order in which they are run: by directive, of one the longest path first."""
    known = [one for one in lines if one.name in _ORDER]

    def rank(line: CaddyLine) -> tuple[int, int, int]:
        matcher = split(line)[0]
        group = "handle" if line.name in _GROUPED else line.name
        last = matcher in ("", "*")
        return _ORDER.index(group), int(last), -len(_path(matcher, named))

    return sorted(known, key=rank)


def _path(matcher: str, named: Named) -> str:
    """The one path of a matcher, by whose length it is sorted."""
    if matcher.startswith("/"):
        return matcher.rstrip("*")
    line = named.get(matcher)
    words = line.words[1:] if line and line.block is None else ()
    if line and line.block and len(line.block) == 1:
        words = line.block[0].words
    return words[1].rstrip("*") if len(words) == 2 and words[0] == "path" else ""


def _without(request: CaddyRequest, prefix: str) -> CaddyRequest:
    if prefix and request.path.lower().startswith(prefix.lower()):
        return replace(request, path=request.path[len(prefix) :] or "/")
    return request


def _changed(line: CaddyLine, words: tuple[str, ...], way: CaddyWay, cuts: list[str]) -> CaddyWay:
    """After a directive that changes a request and hands it on."""
    if line.name == "rewrite" and words:
        return replace(way, request=rewritten(words[-1], way.request, line, cuts))
    if line.name == "uri" and len(words) > 1:
        return replace(way, request=_uri(words, way.request, line, cuts))
    if line.name == "request_header" and words:
        return replace(way, key=header(words, way.key, line))
    return way


def rewritten(to: str, request: CaddyRequest, line: CaddyLine, cuts: list[str]) -> CaddyRequest:
    """The request with another path."""
    for name in ("{uri}", "{path}", "{http.request.uri}", "{http.request.uri.path}"):
        to = put_into(to, name, request.path) or to
    if "{" in to:
        cuts.append(f"{line.file}:{line.line}: what it is rewritten to is not known")
        return request
    return replace(request, path=to.partition("?")[0] or "/")


def _uri(
    words: tuple[str, ...], request: CaddyRequest, line: CaddyLine, cuts: list[str]
) -> CaddyRequest:
    match words:
        case ("strip_prefix", prefix):
            return _without(request, prefix)
        case ("strip_suffix", suffix):
            return replace(request, path=request.path.removesuffix(suffix))
        case ("replace", old, new, *_):
            path = put_into(request.path, old, new)
            if path is not None:
                return replace(request, path=path)
    cuts.append(f"{line.file}:{line.line}: what uri {words[0]} does is not followed")
    return request


def header(words: tuple[str, ...], key: SentKey, line: CaddyLine) -> SentKey:
    """The key after `request_header` or `header_up`; of X-Api-Key, too, which counts first."""
    name = words[0].lower()
    if name.lstrip("+-?") not in ("authorization", "x-api-key"):
        return key
    raw = name.lstrip("+-?") == "x-api-key"
    if name.startswith("-"):
        return key if raw else replace(NO_KEY, file=line.file, line=line.line)
    if name.startswith("?"):  # only where the caller sends none
        return key
    if len(words) > 2:
        return SentKey(None, "a header that is changed", file=line.file, line=line.line)
    value = words[1] if len(words) > 1 else ""
    return value_of(value, line, raw=raw)


def value_of(value: str, line: CaddyLine, *, raw: bool = False) -> SentKey:
    """The key that a header's value is."""
    variable = _VARIABLE.fullmatch(value)
    if variable:
        return of_variable(variable[1], line.file, line.line)
    if _CALLERS.fullmatch(value):
        return replace(CALLERS_OWN, file=line.file, line=line.line)
    if "{" in value:
        return SentKey(None, "a placeholder", file=line.file, line=line.line)
    return (written if raw else bearer)(value, line.file, line.line)
