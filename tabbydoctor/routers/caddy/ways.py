"""Every way through Caddy to a server behind it, and how it asks that for its health."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabbydoctor.records import replace
from tabbydoctor.routers import HandEdit, Miss, Wait
from tabbydoctor.routers.caddy import by_hand, in_place
from tabbydoctor.routers.caddy.following import CaddyWay, followed, header, rewritten, value_of
from tabbydoctor.routers.caddy.matchers import CaddyRequest, split, starts
from tabbydoctor.routers.caddy.syntax import CaddyLine
from tabbydoctor.routers.gateways.passage import NO_KEY, Passage
from tabbydoctor.routers.gateways.requests import COMPLETION, below, best, misses
from tabbydoctor.routers.gateways.text import seconds
from tabbydoctor.routers.probes import is_open

_STARTS = 100
_LIMITS = ("response_header_timeout", "read_timeout")
_ADDRESS = re.compile(
    r"(?:(?P<scheme>https?|h2c)://)?(?P<host>\[[^\]]+\]|[^:/{}]*)(?::(?P<port>\d{1,5}))?/?"
)


def through(sites: list[CaddyLine], cuts: list[str]) -> Iterator[Passage]:
    """What passes through, reverse_proxy by reverse_proxy."""
    for site in sites:
        found: dict[tuple[int, str, int], list[tuple[str, CaddyWay]]] = {}
        for asked in _paths(site):
            for way in followed(site, CaddyWay(CaddyRequest(asked, _host(site))), {}, cuts):
                proxy = way.proxy
                assert proxy is not None
                way = _within(proxy, way, cuts)
                found.setdefault((proxy.line, proxy.file, id(way.block)), []).append((asked, way))
        for ways in found.values():
            for one in _through(ways, cuts):
                yield replace(one, host=_named_host(site), port=_port(site))


def _paths(site: CaddyLine) -> Iterator[str]:
    every = dict.fromkeys(["/", *starts(site.block or ())[:_STARTS]])
    yield from dict.fromkeys(path for start in every for path in (*below(start), start))


def _host(site: CaddyLine) -> str:
    plain = re.sub(r"^https?://", "", site.name.rstrip(","))
    return plain.partition(":")[0] or "127.0.0.1"


def _named_host(site: CaddyLine) -> str:
    """The name by which callers ask for a site; empty where any will do."""
    host = _host(site)
    return "" if "*" in host or re.fullmatch(r"[\d.]*|localhost", host) else host


def _port(site: CaddyLine) -> int:
    """Where callers ask for it in plain HTTP; 0 where they do not, or that is not said."""
    name = site.name.rstrip(",")
    port = re.search(r":(\d{1,5})$", name)
    plain = name.startswith("http://") or (port is not None and "//" not in name)
    return (int(port[1]) if port else 80) if plain else 0


def _within(proxy: CaddyLine, way: CaddyWay, cuts: list[str]) -> CaddyWay:
    """After what stands in the block of the reverse_proxy itself."""
    for one in proxy.block or ():
        if one.name == "header_up" and len(one.words) > 1:
            way = replace(way, key=header(one.words[1:], way.key, one))
        elif one.name == "rewrite" and len(one.words) > 1:
            way = replace(way, request=rewritten(one.words[-1], way.request, one, cuts))
    return way


def _through(ways: list[tuple[str, CaddyWay]], cuts: list[str]) -> Iterator[Passage]:
    pairs = [(asked, way.request.path) for asked, way in ways]
    shown = best(pairs)
    way = ways[pairs.index(shown)][1]
    proxy = way.proxy
    assert proxy is not None
    limits = [
        one for each in proxy.within("transport") for one in each.within(*_LIMITS) if each.block
    ]
    miss = _miss(proxy, *shown) if misses(pairs) else None
    name = next(iter(upstreams(proxy)), "")
    bases = list(_bases(proxy, cuts))
    for base in bases:
        passage = Passage(
            file=proxy.file, line=proxy.line, base=base, name=name, block=by_hand.named(way.block),
            method="POST", asked=shown[0], sent=shown[1], key=way.key, miss=miss,
            waits=tuple(_waits(limits)), by_hand=tuple(_edits(way, limits, miss, shown[0])),
            splices=tuple(in_place.take_key(proxy)), alone=len(bases) == len(upstreams(proxy)),
        )  # fmt: skip
        yield passage
        if (probe := _probe(proxy, way, passage)) is not None:
            yield probe


def upstreams(proxy: CaddyLine) -> list[str]:
    """What it names to pass requests to."""
    found = list(split(proxy)[1])
    return found + [word for one in proxy.within("to") for word in one.words[1:]]


def _bases(proxy: CaddyLine, cuts: list[str]) -> Iterator[str]:
    if proxy.within("dynamic"):
        cuts.append(f"{proxy.file}:{proxy.line}: where its dynamic upstreams are is not known")
    for each in upstreams(proxy):
        found = _ADDRESS.fullmatch(each)
        if found is None or not (found["host"] or found["port"]):
            if not each.startswith(("unix/", "unix+")):
                cuts.append(f"{proxy.file}:{proxy.line}: where {each} leads is not known")
            continue
        scheme = "https" if found["scheme"] == "https" else "http"
        port = found["port"] or ("443" if scheme == "https" else "80")
        yield f"{scheme}://{found['host'] or 'localhost'}:{port}"


def _waits(limits: list[CaddyLine]) -> Iterator[Wait]:
    for one in limits:
        told = seconds(one.words[1:2], "s")
        if told:
            yield Wait(one.file, one.line, told, one.name, "answered")


def _miss(proxy: CaddyLine, asked: str, sent: str) -> Miss:
    how = f"of {asked} it makes {sent}" if asked != sent else f"{asked} is passed on as it is"
    why = f"Caddy passes the path on as it is but for handle_path, uri and rewrite: {how}"
    return Miss(proxy.file, proxy.line, sent, COMPLETION, why)


def _edits(
    way: CaddyWay, limits: list[CaddyLine], miss: Miss | None, asked: str
) -> Iterator[HandEdit]:
    proxy = way.proxy
    assert proxy is not None
    yield by_hand.give_key(proxy, way.block)
    if limits:
        yield by_hand.give_time(proxy, way.block, limits)
    if miss:
        tail = re.sub(r"^.*?(?=(/v1)?/(chat/completions|completions|models)$)", "", asked)
        prefix = way.request.path.removesuffix(tail)
        if way.request.path == tail.removeprefix("/v1"):
            yield by_hand.change_path(proxy, way.block, ("rewrite /v1{uri}",))
        elif prefix and prefix != way.request.path and way.block and way.block.name == "handle":
            yield _handle_path(way, way.block)


def _handle_path(way: CaddyWay, block: CaddyLine) -> HandEdit:
    """`handle_path` in the place of `handle`, which leaves the prefix."""
    assert way.proxy is not None
    head = (
        f"{block.indent}{by_hand.words(replace(block, words=('handle_path', *block.words[1:])))} {{"
    )
    return HandEdit(
        "path", block.file, block.line, (head,), 1, by_hand.named(block), way.proxy.line
    )


def _probe(proxy: CaddyLine, way: CaddyWay, passage: Passage) -> Passage | None:
    """Its check as a way of its own; None without an active one."""
    given = proxy.within("health_uri", "health_path")
    if not given or len(given[-1].words) < 2:
        return None
    one = given[-1]
    path = one.words[1].partition("?")[0]
    key = NO_KEY
    for each in proxy.within("health_headers"):
        for inner in each.within("Authorization", "authorization", "X-Api-Key", "X-API-Key"):
            raw = inner.name.lower() == "x-api-key"
            key = value_of(inner.words[1] if len(inner.words) > 1 else "", inner, raw=raw)
    method = next(
        (each.words[1] for each in proxy.within("health_method") if len(each.words) > 1), "GET"
    )
    status = next((each for each in proxy.within("health_status") if len(each.words) > 1), None)
    takes_401 = status.line if status and status.words[1].lower() in ("401", "4xx") else 0
    fine = is_open(path) and method.upper() == "GET"
    return replace(
        passage, line=one.line, purpose="probe", method=method.upper(), asked="",
        sent=path, key=key, waits=(), miss=None, accepts_401=takes_401,
        by_hand=() if fine else (replace(by_hand.check_health(proxy, way.block), mends=one.line),),
        splices=tuple(in_place.check_health(proxy)),
    )  # fmt: skip
