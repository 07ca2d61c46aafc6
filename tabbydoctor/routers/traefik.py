"""Traefik's dynamic configuration in YAML; labels of containers and TOML are not read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tabbydoctor.routers import Concern, HandEdit, Miss, RouterReading, Wait
from tabbydoctor.routers.gateways.passage import (
    CALLERS_OWN,
    NO_KEY,
    Passage,
    SentKey,
    bearer,
    of_variable,
    written,
)
from tabbydoctor.routers.gateways.reading import reading_of
from tabbydoctor.routers.gateways.requests import COMPLETION, below, best, misses
from tabbydoctor.routers.gateways.text import seconds
from tabbydoctor.routers.nginx.matching import searched
from tabbydoctor.routers.probes import is_open
from tabbydoctor.yaml.document import YamlDocument
from tabbydoctor.yaml.edit import CannotEdit, YamlValue, set_value
from tabbydoctor.yaml.nodes import KeyPath
from tabbydoctor.yaml.yaml11 import document

name = "traefik"
_MOST = 200
"""Middlewares of one router that are followed: chains of chains."""
_MATCHERS = re.compile(r"(!?)\s*(\w+)\(([^)]*)\)")
_QUOTED = re.compile(r"[`'\"]([^`'\"]*)[`'\"]")
_FROM_ENVIRONMENT = re.compile(
    r"(?:bearer )?\{\{-?\s*env\s+[\"`](\w+)[\"`]\s*-?\}\}", re.IGNORECASE
)
_MIDDLEWARE = "tabby-key"
_PATIENCE = "600s"


def recognises(path: str, text: str) -> bool:
    """Whether a file is a dynamic configuration: routers or services below http."""
    return bool(
        re.search(r"^http\s*:", text, re.MULTILINE)
        and re.search(r"^[ \t]+(routers|services)\s*:", text, re.MULTILINE)
        and re.search(r"loadBalancer\s*:", text, re.IGNORECASE)
    )


def read(
    path: str,
    text: str,
    tabby_urls: tuple[str, ...],
    *,
    files: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    directory: str = "",
    roots: tuple[str, ...] = (),
    arguments: tuple[str, ...] = (),
) -> RouterReading:
    """Follow requests through its routers."""
    parsed = document(text)
    if parsed.problem or not isinstance(parsed.data, Mapping):
        return RouterReading(path, name, parsed.detail or "not a mapping", parsed.line)
    cuts: list[str] = []
    found = list(_Dynamic(path, text, parsed, cuts).passages())
    return reading_of(name, path, found, tabby_urls, cuts)


@dataclass
class _Dynamic:
    """One file."""

    path: str
    text: str
    parsed: YamlDocument
    cuts: list[str]

    def section(self, *place: str) -> Mapping[str, Any]:
        """A mapping of it; empty where there is none."""
        value: Any = self.parsed.data
        for step in place:
            value = value.get(step) if isinstance(value, Mapping) else None
        return value if isinstance(value, Mapping) else {}

    def line(self, *place: str | int) -> int:
        return self.parsed.line_of(*place)

    def passages(self) -> Iterator[Passage]:
        """What passes through, router by router, and the checks of their services."""
        checked: set[str] = set()
        for label, router in self.section("http", "routers").items():
            service = _plain(router.get("service")) if isinstance(router, Mapping) else ""
            if not service or not self.section("http", "services", service, "loadBalancer"):
                if isinstance(router, Mapping) and not service.endswith("@internal"):
                    where = f"{self.path}:{self.line('http', 'routers', label)}"
                    self.cuts.append(f"{where}: its service {service} is not in this file")
                continue
            yield from self._through(str(label), router, service, checked)

    def _through(
        self, label: str, router: Mapping[str, Any], service: str, checked: set[str]
    ) -> Iterator[Passage]:
        names = [_plain(each) for each in _list(router.get("middlewares"))]
        key, pairs = self._changed(label, names, str(router.get("rule") or ""))
        if not pairs:
            return
        asked, sent = best(pairs)
        line = self.line("http", "routers", label, "rule")
        why = "Traefik passes the path on as it is but for its middlewares"
        miss = Miss(self.path, line, sent, COMPLETION, why) if misses(pairs) else None
        for url in self._servers(service):
            edits = tuple(self._edits(label, names, service, asked, line, bool(miss)))
            first = Passage(
                self.path, line, url, service, f"router {label}", "POST", asked, sent, key,
                waits=tuple(self._waits(service)), miss=miss, by_hand=edits,
            )  # fmt: skip
            yield first
            check = self._check(service, first) if service not in checked else None
            if check is not None:
                yield check
        checked.add(service)

    def _servers(self, service: str) -> Iterator[str]:
        place = ("http", "services", service, "loadBalancer")
        for one in _list(self.section(*place).get("servers")):
            url = str(one.get("url") or "") if isinstance(one, Mapping) else ""
            if re.match(r"https?://[^/]+", url):
                yield url.rstrip("/")
            elif url:
                self.cuts.append(f"{self.path}: where {url} leads is not known")

    def _changed(
        self, label: str, names: list[str], rule: str
    ) -> tuple[SentKey, list[tuple[str, str]]]:
        """The key, and (path asked for, path passed on), after the middlewares of a router."""
        key, pairs = CALLERS_OWN, [(path, path) for path in _paths(rule)]
        for number, each in enumerate(self._chain(names, label)):
            if number > _MOST:
                self.cuts.append(f"{self.path}: {label} has more middlewares than are followed")
                break
            given = self.section("http", "middlewares", each)
            for kind, options in given.items():
                if kind == "headers" and isinstance(options, Mapping):
                    key = self._headers(each, options, key)
                elif isinstance(options, Mapping):
                    pairs = [(asked, _moved(str(kind), options, sent)) for asked, sent in pairs]
                if kind == "plugin":
                    self.cuts.append(f"{self.path}: what the plugin of {each} does is not followed")
        return key, pairs

    def _chain(self, names: list[str], label: str, depth: int = 0) -> Iterator[str]:
        for each in names:
            given = self.section("http", "middlewares", each)
            if not given:
                where = f"{self.path}:{self.line('http', 'routers', label)}"
                self.cuts.append(f"{where}: its middleware {each} is not in this file")
            chain = given.get("chain")
            if isinstance(chain, Mapping) and depth < 9:
                inner = [_plain(one) for one in _list(chain.get("middlewares"))]
                yield from self._chain(inner, label, depth + 1)
            yield each

    def _headers(self, label: str, options: Mapping[str, Any], key: SentKey) -> SentKey:
        place = ("http", "middlewares", label, "headers", "customRequestHeaders")
        given = options.get("customRequestHeaders")
        for header, value in given.items() if isinstance(given, Mapping) else ():
            raw = str(header).lower() == "x-api-key"
            if str(header).lower() == "authorization" or (raw and value):
                key = _value(str(value or ""), self.path, self.line(*place, str(header)), raw=raw)
        return key

    def _waits(self, service: str) -> Iterator[Wait]:
        named = self.section("http", "services", service, "loadBalancer").get("serversTransport")
        place = ("http", "serversTransports", _plain(named), "forwardingTimeouts")
        value = self.section(*place).get("responseHeaderTimeout")
        told = seconds([str(value)], "s") if value else None
        if told:
            line = self.line(*place, "responseHeaderTimeout")
            whole = (*place, "responseHeaderTimeout")
            yield Wait(self.path, line, told, "responseHeaderTimeout", "answered", True, whole)

    def _check(self, service: str, passage: Passage) -> Passage | None:
        place = ("http", "services", service, "loadBalancer", "healthCheck")
        check = self.section(*place)
        if not check.get("path"):
            return None
        path, method = str(check["path"]), str(check.get("method") or "GET").upper()
        headers, key = check.get("headers"), NO_KEY
        for header, value in headers.items() if isinstance(headers, Mapping) else ():
            if str(header).lower() in ("authorization", "x-api-key"):
                raw = str(header).lower() == "x-api-key"
                key = _value(str(value), self.path, self.line(*place, "headers"), raw=raw)
        at = self.line(*place, "path")
        takes_401 = self.line(*place, "status") if str(check.get("status")) == "401" else 0
        fine = is_open(path) and method == "GET"
        edits = () if fine else self._hunks("probe", at, {(*place, "path"): "/health"}, "")
        return Passage(
            self.path, at, passage.base, service, f"service {service}", method, "", path, key,
            "probe", accepts_401=takes_401, by_hand=tuple(edits),
        )  # fmt: skip

    def _edits(
        self, label: str, names: list[str], service: str, asked: str, line: int, miss: bool
    ) -> Iterator[HandEdit]:
        router, block = ("http", "routers", label, "middlewares"), f"router {label}"
        own = ("http", "middlewares", _MIDDLEWARE, "headers", "customRequestHeaders")
        attached = names if _MIDDLEWARE in names else [*names, _MIDDLEWARE]
        keyed: dict[KeyPath, YamlValue] = {
            router: list(attached),
            (*own, "Authorization"): "Bearer <api_key>",
            (*own, "X-Api-Key"): "",
            (*own, "X-Admin-Key"): "",
        }
        yield from self._hunks("key", line, keyed, block)
        for wait in self._waits(service):
            yield from self._hunks("wait", wait.line, {wait.place: _PATIENCE}, block)
        prefix = re.sub(r"(/v1)?/(chat/completions|completions|models)$", "", asked)
        if miss and prefix:
            strip = ("http", "middlewares", "tabby-path", "stripPrefix", "prefixes")
            moved: dict[KeyPath, YamlValue] = {router: [*names, "tabby-path"], strip: [prefix]}
            yield from self._hunks("path", line, moved, block)

    def _hunks(
        self, concern: Concern, line: int, values: Mapping[KeyPath, YamlValue], block: str
    ) -> Iterator[HandEdit]:
        """What setting some values changes, as lines."""
        content = self.text.encode()
        try:
            for place, value in values.items():
                content = set_value(content, place, value)
        except CannotEdit:
            return
        old, new = self.text.splitlines(), content.decode().splitlines()
        changes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        for kind, start, end, first, last in changes:
            if kind != "equal":
                at = start + 1 if end > start else start
                lines = tuple(new[first:last])
                yield HandEdit(concern, self.path, at, lines, end - start, block, line)


def _paths(rule: str) -> list[str]:
    """The paths of callers that a rule takes."""
    prefixes, exact, patterns = [], [], []
    for negated, matcher, words in _MATCHERS.findall(rule):
        values = _QUOTED.findall(words)
        if not negated and matcher == "PathPrefix":
            prefixes += values
        elif not negated and matcher == "Path":
            exact += values
        elif not negated and matcher == "PathRegexp":
            patterns += values
    if not (prefixes or exact or patterns):
        prefixes = ["/"]
    found = [path for start in prefixes for path in (*below(start), start)] + exact
    found += [path for path in below("/") if any(searched(one, path) for one in patterns)]
    return list(dict.fromkeys(found))


def _moved(kind: str, options: Mapping[str, Any], path: str) -> str:
    """A path after a middleware."""
    match kind:
        case "stripPrefix":
            for prefix in map(str, _list(options.get("prefixes"))):
                if path.startswith(prefix):
                    rest = path[len(prefix) :]
                    return rest if rest.startswith("/") else f"/{rest}"
        case "addPrefix":
            return f"{str(options.get('prefix') or '').rstrip('/')}{path}"
        case "replacePath":
            return str(options.get("path") or path)
        case "replacePathRegex":
            found = searched(str(options.get("regex") or "(?!)"), path)
            if found:
                new = str(options.get("replacement") or "")
                new = re.sub(r"\$\{?(\d)\}?", lambda one: _group(found, int(one[1])), new)
                return path[: found.start()] + new + path[found.end() :]
    return path


def _group(found: re.Match[str], number: int) -> str:
    return (found[number] or "") if number <= (found.re.groups or 0) else ""


def _value(value: str, path: str, line: int, *, raw: bool) -> SentKey:
    variable = _FROM_ENVIRONMENT.fullmatch(value)
    if variable:
        return of_variable(variable[1], path, line)
    if "{{" in value:
        return SentKey(None, "a template", file=path, line=line)
    return (written if raw else bearer)(value, path, line)


def _plain(value: Any) -> str:
    """A name without its provider: `key@file`."""
    return str(value or "").removesuffix("@file")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
