"""What nginx makes of a request: rewritten, and passed on by proxy_pass.

https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass and
https://nginx.org/en/docs/http/ngx_http_rewrite_module.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tabbydoctor.records import dataclass, replace
from tabbydoctor.routers.gateways.text import LONGEST
from tabbydoctor.routers.nginx.level import Level
from tabbydoctor.routers.nginx.matching import Server, Taken, location_for, searched
from tabbydoctor.routers.nginx.syntax import Directive
from tabbydoctor.routers.urls import server

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_JUMPS = 10
"""How often nginx itself looks for a location anew."""
NOT_KNOWN = "leads is not known"
_EMPTY = ("args", "is_args", "query_string")


@dataclass(frozen=True)
class Passed:
    """A request at its end: the location, and what is asked of whom."""

    scope: Level
    passing: Directive
    """The proxy_pass."""
    url: str
    """Scheme, host and port as they are written, or a group's name; empty where not known."""
    path: str
    """The path that is asked for there."""
    why: str
    """By which rule that path, in words; empty where the caller's own."""


@dataclass(frozen=True)
class _Request:
    """A request on its way."""

    asked: str
    path: str
    variables: Mapping[str, str]
    rewritten: bool = False
    fixed: bool = False
    """By `rewrite … break`: its path is passed on as it is."""


def passed_on(server: Server, path: str, cuts: list[str]) -> Passed | None:
    """Where a path goes; None where nginx answers itself, or hands it to no HTTP server."""
    request = _Request(path, path, {})
    after = _rewritten(server.scope, request, cuts)
    if after is None:
        return None
    request = replace(after, fixed=False)
    for _ in range(_JUMPS):
        taken = location_for(server.scope, request.path)
        scope = taken.scope if taken else server.scope
        if taken:
            captured = taken.found.groups(default="") if taken.found else ()
            numbered = {str(n): text for n, text in enumerate(captured, 1)}
            request = replace(request, variables={**request.variables, **numbered})
            before = request.path
            after = _rewritten(scope, request, cuts)
            if after is None:
                return None
            request = after
            if request.path != before and not request.fixed:
                continue
        return _at(server, scope, taken, request, cuts)
    return None


def _at(
    server: Server, scope: Level, taken: Taken | None, request: _Request, cuts: list[str]
) -> Passed | None:
    """What a location does with a request."""
    passing = next(iter(scope.own("proxy_pass")), None)
    if passing is None:
        named = _tried(scope)
        if named is None:
            return None
        block = next((b for b in server.scope.block.within("location") if b.args == (named,)), None)
        if block is None:
            return None
        inner = Level(block, server.scope)
        passing = next(iter(inner.own("proxy_pass")), None)
        if passing is None:
            return None
        scope, taken = inner, None
    if not passing.args:
        return None
    prefix = taken.prefix if taken else None
    return _mapped(scope, passing, prefix, request, cuts)


def _tried(scope: Level) -> str | None:
    """The named location to which try_files comes where no file is there."""
    tries = scope.value("try_files")
    last = tries.args[-1] if tries and tries.args else ""
    return last if last.startswith("@") else None


def _mapped(
    scope: Level, passing: Directive, prefix: str | None, request: _Request, cuts: list[str]
) -> Passed:
    """By the rule of proxy_pass: with a URI, that stands in the place of the location's prefix."""
    target = passing.args[0]
    given = _put_in(target, scope, request)
    if given is None:
        cuts.append(f"{passing.file}:{passing.line}: where {target} {NOT_KNOWN}")
        return Passed(scope, passing, "", request.path, "")
    scheme, _, rest = given.partition("://")
    place, slash, tail = rest.partition("/")
    url, uri = f"{scheme}://{place}", slash + tail
    if "$" in target and uri:
        return Passed(scope, passing, url, uri, "proxy_pass with variables passes its URI as it is")
    if request.fixed:
        return Passed(scope, passing, url, request.path, "rewrite … break")
    if not uri or prefix is None:
        why = "rewrite" if request.rewritten else ""
        return Passed(scope, passing, url, request.path, why)
    why = f"the URI {uri} of proxy_pass stands in the place of {prefix}"
    return Passed(scope, passing, url, uri + request.path[len(prefix) :], why)


def _rewritten(scope: Level, request: _Request, cuts: list[str]) -> _Request | None:  # noqa: C901 - to be taken apart
    """After set, rewrite and return of a block; None where it answers."""
    for one in scope.block.block or ():
        if one.name == "set" and len(one.args) == 2:
            value = _put_in(one.args[1], scope, request)
            if value is not None:
                name = one.args[0].removeprefix("$")
                request = replace(request, variables={**request.variables, name: value})
        elif one.name == "return":
            return None
        elif one.name == "rewrite" and len(one.args) >= 2:
            found = searched(one.args[0], request.path)
            if found is None:
                continue
            flag = one.args[2] if len(one.args) > 2 else ""
            path = _replaced(one.args[1], scope, request, found)
            if path is None or flag in ("redirect", "permanent") or "://" in path:
                if path is None:
                    cuts.append(f"{one.file}:{one.line}: what this rewrites to is not known")
                return None
            path = path.partition("?")[0]
            request = replace(request, path=path, rewritten=True, fixed=flag == "break")
            if flag in ("last", "break"):
                return request
        elif one.name == "if" and any(
            inner.name in ("rewrite", "proxy_pass", "set") for inner in one.block or ()
        ):
            cuts.append(f"{one.file}:{one.line}: what is done under this condition is not followed")
    return request


def _replaced(text: str, scope: Level, request: _Request, found: re.Match[str]) -> str | None:
    numbered = {str(n): one for n, one in enumerate(found.groups(default=""), 1)}
    return _put_in(text, scope, replace(request, variables={**request.variables, **numbered}))


def _put_in(text: str, scope: Level, request: _Request) -> str | None:
    """A text with its variables put in; None where one is not known."""
    known = {
        **dict.fromkeys(_EMPTY, ""),
        "uri": request.path,
        "document_uri": request.path,
        "request_uri": request.asked,
        "scheme": "http",
        **constants(scope),
        **request.variables,
    }
    names = [first or second for first, second in _VARIABLE.findall(text)]
    if any(name not in known for name in names):
        return None
    if len(text) + sum(len(known[name]) for name in names) > LONGEST:
        return None
    return _VARIABLE.sub(lambda found: known[found[1] or found[2]], text)


def constants(scope: Level) -> dict[str, str]:
    """The variables that are set to a text without variables, and maps that give but one."""
    found: dict[str, str] = {}
    for level in reversed(list(scope.levels())):
        for one in level.own("set"):
            if len(one.args) == 2 and "$" not in one.args[1]:
                found[one.args[0].removeprefix("$")] = one.args[1]
        for one in level.own("map"):
            values = {each.args[0] for each in one.block or () if each.args}
            if len(one.args) == 2 and len(values) == 1 and "$" not in (only := values.pop()):
                found[one.args[1].removeprefix("$")] = only
    return found


def bases(url: str, http: Level) -> Iterator[str]:
    """The base URLs behind what proxy_pass names: each server of an upstream group."""
    scheme, _, name = url.partition("://")
    group = next((one for one in http.own("upstream") if one.args == (name,)), None)
    if group is None:
        if server(url) and not name.startswith("unix:"):
            yield url
        return
    for one in group.within("server"):
        if one.args and not one.args[0].startswith("unix:") and "down" not in one.args:
            port = "" if re.search(r":\d+$", one.args[0]) else ":80"
            yield f"{scheme}://{one.args[0]}{port}"
