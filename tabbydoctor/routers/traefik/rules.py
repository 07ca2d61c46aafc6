"""Which paths a rule of Traefik's takes, and what its middlewares make of a path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tabbydoctor.routers.gateways.requests import below
from tabbydoctor.routers.nginx.matching import searched

_MATCHERS = re.compile(r"(!?)\s*(\w+)\(([^)]*)\)")
_QUOTED = re.compile(r"[`'\"]([^`'\"]*)[`'\"]")
_PLACEHOLDER = re.compile(r"\{\w+(?::[^}]*)?\}.*")
"""Of version 2: `Path(`/v1/{rest:.*}`)`."""


def paths_of(rule: str) -> list[str]:
    """The paths of callers that a rule takes."""
    prefixes: list[str] = []
    exact: list[str] = []
    patterns: list[str] = []
    for negated, matcher, words in _MATCHERS.findall(rule):
        values = _QUOTED.findall(words)
        if not negated and matcher in ("PathPrefix", "Path"):
            open_ended = [one for one in values if matcher == "PathPrefix" or "{" in one]
            prefixes += [_PLACEHOLDER.sub("", one) or "/" for one in open_ended]
            exact += [one for one in values if one not in open_ended]
        elif not negated and matcher == "PathRegexp":
            patterns += values
    if not (prefixes or exact or patterns):
        prefixes = ["/"]
    found = [path for start in prefixes for path in (*below(start), start)] + exact
    found += [path for path in below("/") if any(searched(one, path) for one in patterns)]
    return list(dict.fromkeys(found))


def moved(kind: str, options: Mapping[str, Any], path: str) -> str:
    """A path after a middleware; the names of its fields count in any case."""
    given = {str(key).lower(): value for key, value in options.items()}
    match kind.lower():
        case "stripprefix":
            for prefix in words(given.get("prefixes")):
                if prefix and path.startswith(prefix):
                    rest = path[len(prefix) :]
                    return rest if rest.startswith("/") else f"/{rest}"
        case "stripprefixregex":
            for pattern in words(given.get("regex")):
                if (found := searched(pattern, path)) and found.start() == 0 and found.end():
                    rest = path[found.end() :]
                    return rest if rest.startswith("/") else f"/{rest}"
        case "addprefix":
            return f"{str(given.get('prefix') or '').rstrip('/')}{path}"
        case "replacepath":
            return str(given.get("path") or path)
        case "replacepathregex":
            return _replaced(given, path)
    return path


def _replaced(given: Mapping[str, Any], path: str) -> str:
    found = searched(str(given.get("regex") or "(?!)"), path)
    if not found:
        return path
    new = str(given.get("replacement") or "")
    new = re.sub(r"\$\{?(\d)\}?", lambda one: _group(found, int(one[1])), new)
    return path[: found.start()] + new + path[found.end() :]


def _group(found: re.Match[str], number: int) -> str:
    return (found[number] or "") if number <= (found.re.groups or 0) else ""


def words(value: Any) -> list[str]:
    """A list as files have it, or as labels and flags do: commas between its items."""
    if isinstance(value, list):
        return [str(one).strip() for one in value]
    return [one.strip() for one in str(value).split(",") if one.strip()] if value else []
