"""Which key nginx sends with what it passes on.

Headers set at an inner level cancel all that an outer one sets; Authorization is the caller's
where none sets it (https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_set_header).
"""

from __future__ import annotations

import re

from tabbydoctor.routers.gateways.passage import (
    CALLERS_OWN,
    NO_KEY,
    SentKey,
    bearer,
    of_variable,
    written,
)
from tabbydoctor.routers.nginx.level import Level
from tabbydoctor.routers.nginx.passing import constants
from tabbydoctor.routers.nginx.syntax import Directive

KEYS = ("x-api-key", "authorization")
"""The headers that TabbyAPI looks at, in its order."""
_TEMPLATE = re.compile(r"(?:bearer )?\$\{([A-Z][A-Z0-9_]*)\}", re.IGNORECASE)
_CALLERS = ("$http_authorization", "$http_x_api_key")
_COMPARED = re.compile(r"^\(?\$http_(authorization|x_api_key)$")


def headers(scope: Level) -> tuple[Level | None, tuple[Directive, ...]]:
    """The headers that are set for what a block passes on, and the level that sets them."""
    found = scope.nearest("proxy_set_header")
    return found if found else (None, ())


def key_sent(scope: Level) -> SentKey:
    """The key that goes with what a block passes on."""
    given = {one.args[0].lower(): one for one in headers(scope)[1] if len(one.args) == 2}
    for name in KEYS:
        one = given.get(name)
        if one is not None and one.args[1] not in ("", '""'):
            return _key_of(one, scope, raw=name == "x-api-key")
    off = scope.value("proxy_pass_request_headers")
    program = scope.program()
    if program is not None:
        return SentKey(None, f"{program.name}, a program", file=program.file, line=program.line)
    if off is not None and off.args == ("off",):
        return NO_KEY
    if "authorization" in given:  # emptied: X-Api-Key is left to the caller
        one = given["authorization"]
        return SentKey(False, file=one.file, line=one.line)
    return compared(scope) or CALLERS_OWN


def _key_of(one: Directive, scope: Level, *, raw: bool) -> SentKey:
    value = one.args[1]
    if value in _CALLERS:
        own = compared(scope) or CALLERS_OWN
        return SentKey(own.sends, own.source, own.literal, one.file, one.line)
    template = _TEMPLATE.fullmatch(value)
    if template and one.file.endswith((".template", ".tmpl", ".conf.in")):
        return of_variable(template[1], one.file, one.line)
    known = constants(scope)
    named = re.sub(
        r"\$(?:\{(\w+)\}|(\w+))", lambda found: known.get(found[1] or found[2], found[0]), value
    )
    if "$" in named:
        return SentKey(None, "a variable", file=one.file, line=one.line)
    return (written if raw else bearer)(named, one.file, one.line)


def compared(scope: Level) -> SentKey | None:
    """The key that every caller has who gets this far: others are answered before."""
    for level in scope.levels():
        for one in level.own("if"):
            answers = any(inner.name == "return" for inner in one.block or ())
            words = " ".join(one.args).strip("()").split(" ", 2)
            if answers and len(words) == 3 and words[1] == "!=" and _COMPARED.match(words[0]):
                value = words[2].strip("\"' ")
                if "$" not in value:
                    raw = words[0].endswith("x_api_key")
                    return (written if raw else bearer)(value, one.file, one.line)
    return None
