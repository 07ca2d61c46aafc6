"""Every way through Traefik to a server behind it: routers, their middlewares and services."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tabbydoctor.records import dataclass, field
from tabbydoctor.routers import Miss, Wait
from tabbydoctor.routers.gateways.passage import CALLERS_OWN, NO_KEY, Passage, SentKey
from tabbydoctor.routers.gateways.requests import COMPLETION, best, misses
from tabbydoctor.routers.probes import is_open
from tabbydoctor.routers.traefik import by_hand
from tabbydoctor.routers.traefik.headers import after, value_of
from tabbydoctor.routers.traefik.rules import moved, paths_of, words
from tabbydoctor.routers.traefik.static import duration, entry_points, waits
from tabbydoctor.routers.traefik.tree import TraefikTree

_DEPTH = 9
_MOST = 200
"""Middlewares of one router that are followed: chains of chains."""
_WHY = "Traefik passes the path on as it is but for its middlewares"


@dataclass(frozen=True, slots=True)
class Router:
    """One router, where it stands."""

    tree: TraefikTree
    label: str
    body: Mapping[str, Any]

    @property
    def place(self) -> tuple[str, str, str]:
        """Where it is in its file."""
        return "http", "routers", self.label

    @property
    def line(self) -> int:
        """The line of its rule."""
        return self.tree.line(*self.place, "rule")

    def field(self, name: str) -> Any:
        """What one of its fields holds."""
        return self.tree.at(*self.place, name)

    @property
    def middlewares(self) -> list[str]:
        """By name, as they are written."""
        return words(self.field("middlewares"))


@dataclass
class Ways:
    """All the files of one Traefik."""

    dynamics: Sequence[TraefikTree]
    statics: Sequence[TraefikTree]
    cuts: list[str]
    _checked: set[str] = field(default_factory=set)

    def passages(self) -> Iterator[Passage]:
        """What passes through, router by router, and the checks of their services."""
        for tree in self.dynamics:
            for label, body in tree.section("http", "routers").items():
                if isinstance(body, Mapping):
                    yield from self._through(Router(tree, str(label), body))

    def _through(self, router: Router) -> Iterator[Passage]:
        service = plain(router.field("service"))
        where = f"{router.tree.path}:{router.tree.line(*router.place)}"
        if service.endswith("@internal"):
            return
        balancers = list(self._balancers(service, where))
        key, pairs = self._changed(router)
        if not (balancers and pairs):
            return
        asked, sent = best(pairs)
        line, path = router.line, router.tree.path
        miss = Miss(path, line, sent, COMPLETION, _WHY) if misses(pairs) else None
        for tree, name in balancers:
            waited = list(self._waits(router, tree, name))
            edits = tuple(by_hand.of_router(router, asked, missed=bool(miss), waits=waited))
            for url in self._servers(tree, name):
                passage = Passage(
                    path, line, url, name, f"router {router.label}", "POST", asked, sent, key,
                    waits=tuple(wait for _, wait in waited), miss=miss, by_hand=edits,
                )  # fmt: skip
                yield passage
                if name not in self._checked and (check := _check(tree, name, passage)):
                    yield check
            self._checked.add(name)

    def _holding(self, group: str, name: str) -> TraefikTree | None:
        """The file that has something of a name."""
        return next((one for one in self.dynamics if one.at("http", group, name) is not None), None)

    def _balancers(
        self, service: str, where: str, depth: int = 0
    ) -> Iterator[tuple[TraefikTree, str]]:
        """The services with servers that one leads to: itself, or those it is made of."""
        tree = self._holding("services", service)
        if tree is None or depth > _DEPTH:
            self.cuts.append(f"{where}: its service {service} is in no file that was read")
            return
        place = ("http", "services", service)
        if tree.section(*place, "loadBalancer"):
            yield tree, service
        for one in _members(tree, place):
            yield from self._balancers(plain(one), where, depth + 1)

    def _servers(self, tree: TraefikTree, service: str) -> Iterator[str]:
        for one in tree.section("http", "services", service, "loadBalancer").get("servers") or ():
            url = str(one.get("url") or "") if isinstance(one, Mapping) else ""
            if re.match(r"https?://[^/{]+", url):
                yield url.rstrip("/")
            elif url:
                self.cuts.append(f"{tree.path}: where {url} leads is not known")

    def _changed(self, router: Router) -> tuple[SentKey, list[tuple[str, str]]]:
        """The key, and (path asked for, path passed on), after the middlewares: those of its entry
        points before its own.
        """
        key = CALLERS_OWN
        pairs = [(path, path) for path in paths_of(str(router.field("rule") or ""))]
        named = words(router.field("entryPoints"))
        before = [
            each
            for static, name in entry_points(self.statics, named)
            for each in words(static.at("entryPoints", name, "http", "middlewares"))
        ]
        chain = self._chain([*before, *router.middlewares], router)
        for number, (tree, name) in enumerate(chain):
            if number > _MOST:
                where = f"{router.tree.path}:{router.tree.line(*router.place)}"
                self.cuts.append(f"{where}: it has more middlewares than are followed")
                break
            for kind, options in tree.section("http", "middlewares", name).items():
                if kind.lower() == "plugin":
                    self.cuts.append(f"{tree.path}: what the plugin of {name} does is not followed")
                elif isinstance(options, Mapping):
                    key = after(tree, ("http", "middlewares", name, kind), key)
                    pairs = [(asked, moved(str(kind), options, sent)) for asked, sent in pairs]
        return key, pairs

    def _chain(
        self, names: Sequence[str], router: Router, depth: int = 0
    ) -> Iterator[tuple[TraefikTree, str]]:
        for name in map(plain, names):
            tree = self._holding("middlewares", name)
            if tree is None:
                where = f"{router.tree.path}:{router.tree.line(*router.place)}"
                self.cuts.append(f"{where}: its middleware {name} is in no file that was read")
                continue
            inner = words(tree.at("http", "middlewares", name, "chain", "middlewares"))
            if inner and depth < _DEPTH:
                yield from self._chain(inner, router, depth + 1)
            yield tree, name

    def _waits(
        self, router: Router, tree: TraefikTree, service: str
    ) -> Iterator[tuple[TraefikTree, Wait]]:
        given = tree.at("http", "services", service, "loadBalancer", "serversTransport")
        name, limit = plain(given), "responseHeaderTimeout"
        held = self._holding("serversTransports", name) if name else None
        place = ("http", "serversTransports", name, "forwardingTimeouts", limit)
        told = duration(held.at(*place)) if held else None
        if held and told:
            yield held, Wait(held.path, held.line(*place), told, limit, "answered", True, place)
        for static, wait in waits(self.statics, words(router.field("entryPoints"))):
            if wait.setting != limit or not name:
                yield static, wait


def _members(tree: TraefikTree, place: tuple[str, ...]) -> Iterator[str]:
    """The services that a service is made of."""
    for one in tree.at(*place, "weighted", "services") or ():
        yield str(one.get("name") or "") if isinstance(one, Mapping) else ""
    for kind, name in (("failover", "service"), ("failover", "fallback"), ("mirroring", "service")):
        if found := tree.at(*place, kind, name):
            yield str(found)


def _check(tree: TraefikTree, service: str, passage: Passage) -> Passage | None:
    """The health check of a service as a way of its own."""
    place = ("http", "services", service, "loadBalancer", "healthCheck")
    path = tree.at(*place, "path")
    if not path:
        return None
    method, key = str(tree.at(*place, "method") or "GET").upper(), NO_KEY
    for header, value in tree.section(*place, "headers").items():
        if str(header).lower() in ("authorization", "x-api-key"):
            raw = str(header).lower() == "x-api-key"
            key = value_of(str(value), tree.path, tree.line(*place, "headers"), raw=raw)
    line = tree.line(*place, "path")
    takes_401 = tree.line(*place, "status") if str(tree.at(*place, "status")) == "401" else 0
    fine = is_open(str(path)) and method == "GET"
    edits = () if fine else tree.edits("probe", line, {(*place, "path"): "/health"}, "")
    return Passage(
        tree.path, line, passage.base, service, f"service {service}", method, "", str(path), key,
        "probe", accepts_401=takes_401, by_hand=tuple(edits),
    )  # fmt: skip


def plain(value: Any) -> str:
    """A name without its provider: `key@file`, `key@docker`; what is Traefik's own keeps it."""
    name = str(value or "")
    return name if name.endswith("@internal") else name.partition("@")[0]
