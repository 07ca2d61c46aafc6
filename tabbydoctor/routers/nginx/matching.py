"""Which server and which location of nginx take a request.

https://nginx.org/en/docs/http/request_processing.html and
https://nginx.org/en/docs/http/ngx_http_core_module.html#location
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tabbydoctor.records import dataclass
from tabbydoctor.routers.nginx.level import Level
from tabbydoctor.routers.nginx.syntax import Directive


@dataclass(frozen=True)
class Server:
    """One `server` of http."""

    scope: Level

    @property
    def ports(self) -> tuple[int, ...]:
        """What it listens on; 80 where it does not say."""
        found = [port_of(one.args[0]) for one in self.scope.own("listen") if one.args]
        return tuple(dict.fromkeys(port for port in found if port)) or (80,)

    @property
    def names(self) -> tuple[str, ...]:
        """Its names, in small letters."""
        names = [name for one in self.scope.own("server_name") for name in one.args]
        return tuple(name if name.startswith("~") else name.lower() for name in names) or ("",)

    def is_default(self, port: int) -> bool:
        """Whether it takes what no name of a port's matches."""
        given = (one.args for one in self.scope.own("listen") if one.args)
        return any(
            port_of(args[0]) == port and {"default_server", "default"} & set(args[1:])
            for args in given
        )


def port_of(listen: str) -> int:
    """The port of a `listen`; 0 for a socket of Unix's."""
    if listen.startswith("unix:"):
        return 0
    tail = listen.rpartition(":")[2] if not listen.endswith("]") else ""
    if tail.isdecimal() and len(tail) <= 5:
        return int(tail)
    return 80


def server_for(servers: Sequence[Server], port: int, host: str) -> Server | None:
    """The server that answers a request: by its name, else the default of the port."""
    here = [one for one in servers if port in one.ports]
    if not here:
        return None
    for fits in (_exactly, _leading, _trailing, _by_regex):
        scored = [(score, one) for one in here for name in one.names if (score := fits(name, host))]
        if scored:
            best = max(score for score, _ in scored)
            return next(one for score, one in scored if score == best)
    return next((one for one in here if one.is_default(port)), here[0])


def _exactly(name: str, host: str) -> int:
    return int(name == host or (name.startswith(".") and name[1:] == host))


def _leading(name: str, host: str) -> int:
    tail = name[1:] if name.startswith("*.") else name if name.startswith(".") else ""
    return len(tail) if tail and host.endswith(tail) and host != tail else 0


def _trailing(name: str, host: str) -> int:
    return len(name) if name.endswith(".*") and host.startswith(name[:-1]) else 0


def _by_regex(name: str, host: str) -> int:
    return int(name.startswith("~") and searched(name[1:], host) is not None)


_ENDLESS = re.compile(r"([+*}]\??|\|[^()]*)\)[+*{]")
"""What may take a matcher ages."""


def searched(pattern: str, text: str, flags: int = 0) -> re.Match[str] | None:
    """A match of nginx's regular expressions, as far as Python has them."""
    if _ENDLESS.search(pattern):
        return None
    pattern = re.sub(r"\(\?<(?![=!])", "(?P<", pattern)
    try:
        return re.search(pattern, text[:300], flags)
    except (re.error, RecursionError):
        return None


@dataclass(frozen=True)
class Taken:
    """The location that takes a path."""

    scope: Level
    prefix: str | None
    """What it begins with; None for one by regular expression."""
    found: re.Match[str] | None = None


def location_for(scope: Level, path: str) -> Taken | None:
    """The location within a server, or a location, that takes a path; None where none does."""
    named = [one for one in scope.block.within("location") if one.args]
    static = _static(named, path)
    if static is not None:
        modifier, prefix, block = static
        own = Taken(Level(block, scope), prefix)
        if modifier == "=":
            return own
        inner = location_for(own.scope, path)
        if inner is not None and inner.prefix is None:
            return inner
        own = inner or own
        if modifier == "^~":
            return own
    else:
        own = None
    for block in named:
        modifier, pattern = modified(block)
        if modifier in ("~", "~*"):
            match = searched(pattern, path, re.IGNORECASE if modifier == "~*" else 0)
            if match:
                taken = Taken(Level(block, scope), None, match)
                return location_for(taken.scope, path) or taken
    return own


def _static(named: Iterable[Directive], path: str) -> tuple[str, str, Directive] | None:
    """The exact location, else the one with the longest prefix."""
    best: tuple[str, str, Directive] | None = None
    for block in named:
        modifier, prefix = modified(block)
        if modifier == "=" and prefix == path:
            return modifier, prefix, block
        longer = best is None or len(prefix) > len(best[1])
        if modifier in ("", "^~") and path.startswith(prefix) and longer:
            best = modifier, prefix, block
    return best


def modified(block: Directive) -> tuple[str, str]:
    """The modifier of a location, and what follows it."""
    first = block.args[0] if block.args else ""
    if first in ("=", "^~", "~", "~*"):
        return first, block.args[1] if len(block.args) > 1 else ""
    for modifier in ("=", "^~", "~*", "~"):
        if first.startswith(modifier):
            return modifier, first[len(modifier) :]
    return ("@", first) if first.startswith("@") else ("", first)


def prefixes(scope: Level) -> list[str]:
    """What the locations of a server begin with, those of regular expressions as far as plain."""
    found: list[str] = []
    for block in scope.block.within("location"):
        modifier, prefix = modified(block)
        if modifier in ("", "^~", "="):
            found.append(prefix)
        elif modifier in ("~", "~*"):
            found.append(_plain_start(prefix))
        found += prefixes(Level(block, scope))
    return list(dict.fromkeys(each or "/" for each in found))


def _plain_start(pattern: str) -> str:
    """The paths that an anchored expression begins with: `^/v1/(.*)$` gives `/v1/`."""
    if not pattern.startswith("^"):
        return "/"
    plain = re.match(r"(?:[\w/.-](?![?*+{])|\\[./-])*", pattern[1:])
    return plain[0].replace("\\", "") if plain else "/"
