"""What Traefik's middlewares make of the key that a caller sends."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tabbydoctor.routers.gateways.passage import (
    NO_KEY,
    SentKey,
    bearer,
    of_variable,
    written,
)
from tabbydoctor.routers.traefik.rules import words
from tabbydoctor.routers.traefik.tree import TraefikTree

_FROM_ENVIRONMENT = re.compile(
    r"(?:bearer )?\{\{-?\s*env\s+[\"`](\w+)[\"`]\s*-?\}\}", re.IGNORECASE
)


def after(tree: TraefikTree, place: tuple[str, ...], key: SentKey) -> SentKey:
    """The key after one middleware."""
    match place[-1].lower():
        case "headers":
            return _headers(tree, place, key)
        case "basicauth" | "digestauth":
            gone = str(tree.at(*place, "removeHeader")).lower() == "true"
            why = "" if gone else "a header without Bearer"
            return SentKey(False, why, file=tree.path, line=tree.line(*place))
        case "forwardauth":
            handed = words(tree.at(*place, "authResponseHeaders"))
            pattern = tree.at(*place, "authResponseHeadersRegex")
            if pattern or {"authorization", "x-api-key"} & {one.lower() for one in handed}:
                return SentKey(
                    None, "what another server answers", file=tree.path, line=tree.line(*place)
                )
    return key


def _headers(tree: TraefikTree, place: tuple[str, ...], key: SentKey) -> SentKey:
    given = tree.at(*place, "customRequestHeaders")
    for header, value in given.items() if isinstance(given, Mapping) else ():
        raw = str(header).lower() == "x-api-key"
        if str(header).lower() == "authorization" or (raw and value):
            line = tree.line(*place, "customRequestHeaders", str(header))
            key = value_of(str(value or ""), tree.path, line, raw=raw)
    return key


def value_of(value: str, path: str, line: int, *, raw: bool) -> SentKey:
    """The key that a header's value is; an empty one takes the header out."""
    variable = _FROM_ENVIRONMENT.fullmatch(value)
    if variable:
        return of_variable(variable[1], path, line)
    if "{{" in value or "${" in value:
        return SentKey(None, "a template", file=path, line=line)
    if not value:
        return SentKey(False, NO_KEY.source, file=path, line=line)
    return (written if raw else bearer)(value, path, line)
