"""Caddy's own JSON (a file, or autosave.json), put into the lines that a Caddyfile would have.

https://caddyserver.com/docs/json/apps/http/: routes are tried in their order, as within `route`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.documents import json_of
from tabbydoctor.records import dataclass, field, replace
from tabbydoctor.routers.caddy.native_lines import LIMITS, native_edits
from tabbydoctor.routers.caddy.syntax import CaddyLine
from tabbydoctor.routers.caddy.ways import through
from tabbydoctor.routers.gateways.passage import Passage
from tabbydoctor.yaml.nodes import KeyPath
from tabbydoctor.yaml.yaml11 import document

_NATIVE = re.compile(r'^\s*\{.*"(apps|routes)"\s*:', re.DOTALL)
_ENDS = {"static_response": "respond", "error": "error", "file_server": "respond"}


def is_native(text: str) -> bool:
    """Whether a text is Caddy's JSON, with a reverse proxy in it."""
    return '"reverse_proxy"' in text and _NATIVE.match(text[:20_000]) is not None


def native_passages(path: str, text: str, cuts: list[str]) -> list[Passage]:
    """What passes through. Raises Unreadable."""
    data = json_of(text)
    native = _Native(path, data, document(text.replace("\t", " ")).lines, cuts)
    sites = [native.site(place, server) for place, server in _servers(data)]
    return [
        native.placed(one, text) for one in through([each for each in sites if each.block], cuts)
    ]


def _servers(data: Any) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    servers = _below(data, "apps", "http", "servers")
    for name, server in servers.items() if isinstance(servers, Mapping) else ():
        if isinstance(server, Mapping):
            yield ("apps", "http", "servers", str(name)), server


@dataclass
class _Native:
    """One document, while it is put into lines: each is numbered by what it is made of."""

    path: str
    data: Any
    lines: Mapping[KeyPath, int]
    cuts: list[str]
    places: list[KeyPath] = field(default_factory=list)

    def said(self, place: KeyPath, *words: str, block: list[CaddyLine] | None = None) -> CaddyLine:
        """A line, numbered by its place."""
        self.places.append(place)
        number = len(self.places)
        inside = None if block is None else tuple(block)
        return CaddyLine(tuple(words), self.path, number, number, "", inside)

    def line(self, number: int) -> int:
        """The line of the file that a numbered one is made of."""
        place = self.places[number - 1] if 0 < number <= len(self.places) else ()
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def site(self, place: KeyPath, server: Mapping[str, Any]) -> CaddyLine:
        """A server, as a site that is one route."""
        inside = self.routes((*place, "routes"), server.get("routes"))
        hosts = re.findall(r'"host": ?\["([^"]+)"', json.dumps(server.get("routes")))
        return self.said(
            place, hosts[0] if hosts else "", block=[self.said(place, "route", block=inside)]
        )

    def routes(self, place: KeyPath, given: Any) -> list[CaddyLine]:
        """Routes in their order, each with its matcher."""
        found: list[CaddyLine] = []
        for number, route in enumerate(given if isinstance(given, list) else ()):
            if not isinstance(route, Mapping):
                continue
            at = (*place, number)
            inside = [
                line
                for n, handler in enumerate(route.get("handle") or ())
                if isinstance(handler, Mapping)
                for line in self.handler((*at, "handle", n), handler)
            ]
            sets = route.get("match")
            if not sets:
                found += inside
                continue
            name = f"@{'-'.join(str(step) for step in at if isinstance(step, int))}"
            found.append(self.said((*at, "match"), name, block=list(self.matcher(at, sets))))
            if len(inside) == 1 and inside[0].name == "respond":
                found.append(replace(inside[0], words=("respond", name, *inside[0].words[1:])))
            else:
                kind = "handle" if route.get("group") or route.get("terminal") else "route"
                block = inside if kind == "route" else [self.said(at, "route", block=inside)]
                found.append(self.said((*at, "match"), kind, name, block=block))
        return found

    def matcher(self, at: KeyPath, sets: Any) -> Iterator[CaddyLine]:
        """What has to hold; of several sets, any of which will do, paths alone are followed."""
        sets = [one for one in sets if isinstance(one, Mapping)] if isinstance(sets, list) else []
        if len(sets) > 1:
            paths = [path for one in sets for path in one.get("path") or ()]
            alike = all(set(one) == {"path"} for one in sets)
            yield self.said((*at, "match"), *(("path", *map(str, paths)) if alike else ("either",)))
            return
        for one in sets:
            for kind, value in one.items():
                yield self.criterion((*at, "match"), str(kind), value)

    def criterion(self, place: KeyPath, kind: str, value: Any) -> CaddyLine:
        """One matcher, in a Caddyfile's words; what is not known stays so."""
        if kind == "not" and isinstance(value, list) and len(value) == 1:
            inner = [self.criterion(place, str(k), v) for k, v in value[0].items()]
            if len(inner) == 1:
                return replace(inner[0], words=("not", *inner[0].words))
        if kind in ("path", "host", "method") and isinstance(value, list):
            return self.said(place, kind, *map(str, value))
        if kind == "path_regexp" and isinstance(value, Mapping):
            return self.said(place, kind, str(value.get("pattern") or ""))
        if kind == "header" and isinstance(value, Mapping) and len(value) == 1:
            name, given = next(iter(value.items()))
            return self.said(place, "header", str(name), str((given or [""])[0]))
        return self.said(place, "expression")

    def handler(self, place: KeyPath, given: Mapping[str, Any]) -> Iterator[CaddyLine]:
        """One handler, in a Caddyfile's words."""
        kind = str(given.get("handler") or "")
        if kind == "subroute":
            yield from self.routes((*place, "routes"), given.get("routes"))
        elif kind == "rewrite":
            yield from self.rewrite(place, given)
        elif kind == "headers":
            for words in _headers(given.get("request")):
                yield self.said((*place, "request"), "request_header", *words)
        elif kind == "reverse_proxy":
            yield self.proxy(place, given)
        elif kind in _ENDS:
            yield self.said(place, _ENDS[kind], str(given.get("status_code") or ""))
        elif kind not in ("encode", "vars", "request_body", "authentication", "tracing"):
            where = f"{self.path}:{self.line(len(self.places))}"
            self.cuts.append(f"{where}: what the handler {kind} does is not followed")

    def rewrite(self, place: KeyPath, given: Mapping[str, Any]) -> Iterator[CaddyLine]:
        if prefix := given.get("strip_path_prefix"):
            yield self.said(place, "uri", "strip_prefix", str(prefix))
        if suffix := given.get("strip_path_suffix"):
            yield self.said(place, "uri", "strip_suffix", str(suffix))
        for one in given.get("uri_substring") or ():
            old, new = str(one.get("find") or ""), str(one.get("replace") or "")
            yield self.said(place, "uri", "replace", old, new)
        if uri := given.get("uri"):
            yield self.said(place, "rewrite", str(uri))
        if given.get("path_regexp"):
            yield self.said(place, "uri", "path_regexp", "")

    def proxy(self, place: KeyPath, given: Mapping[str, Any]) -> CaddyLine:
        tls = isinstance(_below(given, "transport", "tls"), Mapping)
        to = [str(one.get("dial") or "") for one in given.get("upstreams") or ()]
        head = [f"https://{one}" if tls else one for one in to]
        block = [
            self.said((*place, "headers", "request"), "header_up", *words)
            for words in _headers(_below(given, "headers", "request"))
        ]
        rewritten = given.get("rewrite")
        if isinstance(rewritten, Mapping) and rewritten.get("uri"):
            block.append(self.said((*place, "rewrite"), "rewrite", str(rewritten["uri"])))
        limits = [
            self.said((*place, "transport", name), name, _duration(value))
            for name in LIMITS
            if (value := _below(given, "transport", name))
        ]
        if limits:
            block.append(self.said((*place, "transport"), "transport", "http", block=limits))
        if given.get("dynamic_upstreams"):
            block.append(self.said(place, "dynamic"))
        block += self.check((*place, "health_checks", "active"), given)
        return self.said(place, "reverse_proxy", *head, block=block)

    def check(self, place: KeyPath, given: Mapping[str, Any]) -> Iterator[CaddyLine]:
        active = _below(given, "health_checks", "active")
        if not isinstance(active, Mapping) or not (active.get("uri") or active.get("path")):
            return
        yield self.said((*place, "uri"), "health_uri", str(active.get("uri") or active["path"]))
        if method := active.get("method"):
            yield self.said((*place, "method"), "health_method", str(method))
        if status := active.get("expect_status"):
            word = f"{status}xx" if str(status) in "12345" else str(status)
            yield self.said((*place, "expect_status"), "health_status", word)
        headers = active.get("headers")
        inside = [
            self.said((*place, "headers"), str(name), str((values or [""])[0]))
            for name, values in (headers.items() if isinstance(headers, Mapping) else ())
        ]
        if inside:
            yield self.said((*place, "headers"), "health_headers", block=inside)

    def placed(self, one: Passage, text: str) -> Passage:
        """A way with the lines of the file in the place of the numbers, and the lines for it."""
        place = self.places[one.line - 1]
        line = self.line(one.line)
        edits = tuple(
            edit
            for concern in dict.fromkeys(edit.concern for edit in one.by_hand)
            for edit in native_edits(self.path, text, self.data, concern, place, line)
        )
        return replace(
            one,
            line=line,
            block="/".join(map(str, place)),
            key=replace(one.key, line=self.line(one.key.line)) if one.key.line else one.key,
            waits=tuple(replace(wait, line=self.line(wait.line)) for wait in one.waits),
            miss=replace(one.miss, line=line) if one.miss else None,
            accepts_401=self.line(one.accepts_401) if one.accepts_401 else 0,
            by_hand=edits,
        )


def _headers(given: Any) -> Iterator[tuple[str, ...]]:
    """Operations on headers, in Caddy's order (modules/caddyhttp/headers): add, set, delete."""
    operations = given if isinstance(given, Mapping) else {}
    for kind, sign in (("add", "+"), ("set", "")):
        values = operations.get(kind)
        for name, every in values.items() if isinstance(values, Mapping) else ():
            yield f"{sign}{name}", str((every or [""])[0])
    for name in operations.get("delete") or ():
        yield (f"-{name}",)
    replaced = operations.get("replace")
    for name in replaced if isinstance(replaced, Mapping) else ():
        yield str(name), "", ""


def _duration(value: Any) -> str:
    """Nanoseconds, or a duration as it is written."""
    return f"{value / 1e9:.3f}s" if isinstance(value, int | float) else str(value)


def _below(given: Any, *steps: str) -> Any:
    for step in steps:
        given = given.get(step) if isinstance(given, Mapping) else None
    return given
