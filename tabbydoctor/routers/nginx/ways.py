"""Every way through nginx to a server behind it, shown by requests that TabbyAPI's callers send."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from tabbydoctor.records import replace
from tabbydoctor.routers import HandEdit, Miss, Wait
from tabbydoctor.routers.gateways.passage import CALLERS_OWN, Passage
from tabbydoctor.routers.gateways.requests import below, best, misses
from tabbydoctor.routers.gateways.text import seconds
from tabbydoctor.routers.nginx import by_hand
from tabbydoctor.routers.nginx.headers import key_sent
from tabbydoctor.routers.nginx.in_place import take_key
from tabbydoctor.routers.nginx.level import Level
from tabbydoctor.routers.nginx.matching import Server, prefixes, server_for
from tabbydoctor.routers.nginx.passing import NOT_KNOWN, Passed, bases, passed_on
from tabbydoctor.routers.nginx.syntax import Directive

READ_TIMEOUT = 60.0
"""proxy_read_timeout where nothing sets it."""
_SERVERS, _PREFIXES = 300, 300


def ways(http: Level, cuts: list[str], concerns: Callable[[Passage], bool]) -> Iterator[Passage]:
    """Through the servers of http. What was not followed of one that does not concern TabbyAPI is
    no matter, but for a server behind it that is not known.
    """
    servers = [Server(Level(one, http)) for one in http.block.within("server")]
    groups = {one.args[0]: one for one in http.own("upstream") if one.args}
    if len(servers) > _SERVERS:
        cuts.append(f"it has more than {_SERVERS} servers")
    for server in servers[:_SERVERS]:
        own: list[str] = []
        found = _of_server(http, server, own) if _is_reached(server, servers) else {}
        passages = [
            replace(one, host=_asked_host(server), port=server.ports[0], alone=_told(one, groups))
            for requests in found.values()
            for one in _passages(http, requests)
        ]
        yield from passages
        mine = any(map(concerns, passages))
        cuts += [each for each in own if mine or each.endswith(NOT_KNOWN)]


def _is_reached(server: Server, servers: list[Server]) -> bool:
    """Whether any request comes to it: not to one whose every name another has before."""
    return any(
        server_for(servers, port, _host(name)) is server
        for port in server.ports
        for name in server.names
    ) or any(name.startswith("~") for name in server.names)


def _asked_host(server: Server) -> str:
    """A name by which callers ask for a server; empty for one that has no plain one."""
    names = (name.strip("*.") for name in server.names if not name.startswith("~"))
    return next((name for name in names if name not in ("", "_", "localhost")), "")


def _told(passage: Passage, groups: Mapping[str, Directive]) -> bool:
    """Whether every server of a group is an address of TCP that is written there."""
    group = groups.get(passage.name)
    given = group.within("server") if group else ()
    return all(
        one.args and not one.args[0].startswith("unix:") and "down" not in one.args for one in given
    )


def _host(name: str) -> str:
    """A host that a name stands for."""
    plain = "any" + name if name.startswith(".") else name.replace("*", "any")
    return "no.such.host.invalid" if plain in ("", "_") else plain


_Asked = dict[int, list[tuple[str, Passed]]]


def _of_server(http: Level, server: Server, cuts: list[str]) -> _Asked:
    """By proxy_pass: the requests that come there, (path asked for, what is passed on)."""
    found: _Asked = {}
    starts = prefixes(server.scope)
    if len(starts) > _PREFIXES:
        cuts.append(f"a server of {server.scope.block.file} has more than {_PREFIXES} locations")
    for start in dict.fromkeys([*starts[:_PREFIXES], "/"]):
        for asked in (*below(start), start):
            passed = passed_on(server, asked, cuts)
            if passed is not None and passed.url:
                found.setdefault(id(passed.passing), []).append((asked, passed))
    return found


def _passages(http: Level, requests: list[tuple[str, Passed]]) -> Iterator[Passage]:
    pairs = [(asked, one.path) for asked, one in requests]
    shown = best(pairs)
    asked, passed = requests[pairs.index(shown)]
    scope, passing = passed.scope, passed.passing
    buffers = holding_back(scope)
    miss = _miss(passed, asked) if misses(pairs) else None
    for base in bases(passed.url, http):
        yield Passage(
            file=passing.file,
            line=passing.line,
            base=base,
            name=passed.url.partition("://")[2],
            block=by_hand.named(scope),
            method="POST",
            asked=asked,
            sent=passed.path,
            key=key_sent(scope),
            waits=(_wait(scope, passing),),
            miss=miss,
            buffers=buffers,
            by_hand=tuple(_edits(passed, miss, buffers)),
            splices=tuple(take_key(scope, passing)),
        )


def _miss(passed: Passed, asked: str) -> Miss:
    why = passed.why or "proxy_pass without a URI passes the caller's path on"
    where = passed.passing
    return Miss(
        where.file, where.line, passed.path, _target(passed)[1],
        f"nginx makes {passed.path} of {asked}: {why}",
    )  # fmt: skip


def _target(passed: Passed) -> tuple[str, str]:
    """What proxy_pass is to name, and what TabbyAPI is then asked for."""
    prefix = by_hand.plain_prefix(passed.scope)
    if prefix is None:
        return passed.url, "/v1/chat/completions"
    ends = prefix.rstrip("/").endswith("/v1")
    if prefix.startswith("/v1"):
        return passed.url, "/v1/chat/completions"
    slash = "/" if prefix.endswith("/") else ""
    return passed.url + ("/v1" + slash if ends else "/"), "/v1/chat/completions"


def _edits(passed: Passed, miss: Miss | None, buffers: int) -> Iterator[HandEdit]:
    scope, passing = passed.scope, passed.passing
    yield by_hand.give_key(scope, passing)
    yield by_hand.give_time(scope, passing)
    prefix = by_hand.plain_prefix(scope)
    if miss and prefix is not None and scope.own("rewrite"):
        kept = "" if prefix.startswith("/v1") else f"rewrite ^{prefix}(.*)$ /$1 break;"
        yield by_hand.rewrite_so(scope, passing, (kept,) if kept else ())
    elif miss and prefix is not None:
        yield by_hand.give_path(scope, passing, _target(passed)[0])
    if buffers:
        yield by_hand.let_stream(scope, passing)


def _wait(scope: Level, passing: Directive) -> Wait:
    """How long a silent TabbyAPI is waited for."""
    one = scope.value("proxy_read_timeout")
    told = seconds(one.args, "s") if one else None
    if one is None or told is None:
        return Wait(
            passing.file, passing.line, READ_TIMEOUT, "proxy_read_timeout", "answered", False
        )
    return Wait(one.file, one.line, told, one.name, "answered")


def holding_back(scope: Level) -> int:
    """The line by which streams are held back; 0 for none.

    TabbyAPI's streams carry `X-Accel-Buffering: no`, which nginx obeys unless it is told not to.
    """
    ignored = scope.value("proxy_ignore_headers")
    on = scope.value("proxy_buffering")
    if on is not None and on.args == ("off",):
        return 0
    deaf = ignored is not None and any(w.lower() == "x-accel-buffering" for w in ignored.args)
    return ignored.line if deaf and ignored else 0


def streams(main: Directive, cuts: list[str]) -> Iterator[Passage]:
    """Through the servers of `stream`, which carry bytes and know nothing of HTTP."""
    for stream in main.within("stream"):
        scope = Level(stream)
        for server in stream.within("server"):
            for passing in server.within("proxy_pass"):
                target = passing.args[0] if passing.args else ""
                if "$" in target:
                    cuts.append(f"{passing.file}:{passing.line}: where {target} {NOT_KNOWN}")
                    continue
                for base in bases(f"http://{target}", scope):
                    path = "/v1/chat/completions"
                    yield Passage(
                        passing.file, passing.line, base, target, "stream", "POST", path, path,
                        CALLERS_OWN,
                    )  # fmt: skip
