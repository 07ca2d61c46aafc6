"""Which requests a directive of Caddy's is for (https://caddyserver.com/docs/caddyfile/matchers)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tabbydoctor.records import dataclass
from tabbydoctor.routers.caddy.syntax import CaddyLine
from tabbydoctor.routers.nginx.matching import searched


@dataclass(frozen=True, slots=True)
class CaddyRequest:
    """What a caller asks, as it has become."""

    path: str
    host: str
    method: str = "POST"


Named = Mapping[str, CaddyLine]


def named_matchers(block: Iterable[CaddyLine]) -> dict[str, CaddyLine]:
    """`@name` -> what defines it."""
    return {one.name: one for one in block if one.name.startswith("@")}


def split(line: CaddyLine) -> tuple[str, tuple[str, ...]]:
    """The matcher of a directive, empty without one, and its arguments."""
    rest = line.words[1:]
    if rest and (rest[0].startswith(("/", "@")) or rest[0] == "*"):
        return rest[0], rest[1:]
    return "", rest


def is_for(matcher: str, request: CaddyRequest, named: Named) -> bool | None:
    """Whether a matcher takes a request; None where that depends on what is not known."""
    if matcher in ("", "*"):
        return True
    if matcher.startswith("@"):
        line = named.get(matcher)
        return None if line is None else _all(_criterion(one, request) for one in _criteria(line))
    return path_fits(matcher, request.path)


def path_fits(pattern: str, path: str) -> bool:
    """Whether a pattern of a path matcher takes a path, in whatever case."""
    pattern, path = pattern.lower(), path.lower()
    starts, ends = pattern.startswith("*"), pattern.endswith("*")
    plain = pattern.strip("*")
    if starts and ends:
        return plain in path
    if ends:
        return path.startswith(plain)
    return path.endswith(plain) if starts else path == plain


def _criteria(line: CaddyLine) -> list[tuple[str, ...]]:
    if line.block is None:
        return [line.words[1:]]
    return [
        ("not", *inner.words) if one.name == "not" and one.block else one.words
        for one in line.block
        for inner in (one.block if one.name == "not" and one.block else (one,))
    ]


def _criterion(words: tuple[str, ...], request: CaddyRequest) -> bool | None:
    match words:
        case ("not", *rest):
            said = _criterion(tuple(rest), request)
            return None if said is None else not said
        case ("path", *patterns):
            return any(path_fits(one, request.path) for one in patterns)
        case ("host", *hosts):
            return request.host in hosts
        case ("method", *methods):
            return request.method in methods
        case ("path_regexp", *patterns) if patterns:
            return searched(patterns[-1], request.path) is not None
    return None


def _all(said: Iterable[bool | None]) -> bool | None:
    every = list(said)
    return False if False in every else None if None in every else True


def keys_asked(matcher: str, named: Named) -> str:
    """The Authorization of those whom a matcher does not take; empty where it asks for none."""
    line = named.get(matcher)
    for words in _criteria(line) if line else ():
        if (
            len(words) == 4
            and words[:2] == ("not", "header")
            and words[2].lower() == "authorization"
        ):
            return words[3]
    return ""


def starts(lines: Iterable[CaddyLine]) -> list[str]:
    """What the paths begin with that are told apart anywhere in a block."""
    found: list[str] = []
    for one in lines:
        matcher = split(one)[0]
        found += [matcher] if matcher.startswith("/") else []
        if one.name.startswith("@") and one.block is None and one.words[1:2] == ("path",):
            found += one.words[2:]
        if one.name == "path":
            found += one.words[1:]
        found += starts(one.block or ())
    return [each.rstrip("*") for each in found if each.startswith("/")]
