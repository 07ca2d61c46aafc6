"""Every way through HAProxy to a server behind it, and how it asks that for its health."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tabbydoctor.records import replace
from tabbydoctor.routers import HandEdit, Miss, Wait
from tabbydoctor.routers.gateways.passage import CALLERS_OWN, Passage
from tabbydoctor.routers.gateways.requests import COMPLETION, below, best, misses
from tabbydoctor.routers.gateways.text import seconds
from tabbydoctor.routers.haproxy import by_hand, in_place
from tabbydoctor.routers.haproxy.checks import HealthCheck, health_check
from tabbydoctor.routers.haproxy.conditions import Acls, CallersRequest, inline
from tabbydoctor.routers.haproxy.rules import MAPPED, RequestState, after
from tabbydoctor.routers.haproxy.syntax import PROXIES, ProxyLine, ProxySection, put_in
from tabbydoctor.routers.probes import is_open

_HOSTS, _STARTS = 40, 60
_ANY_HOST = "127.0.0.1"
_ADDRESS = re.compile(r"(?:ipv[46]@|tcp[46]?@)?(?P<host>\[[^\]]+\]|[^:]*):(?P<port>\d{1,5})")
_Ways = dict[tuple[str, str], list[tuple[str, RequestState]]]


class Proxies:
    """The frontends and backends of a configuration."""

    def __init__(
        self, every: list[ProxySection], texts: Mapping[str, str], cuts: list[str]
    ) -> None:
        """`texts` are those of the files that it reads further, by path."""
        self.variables = dict(_mapped(every, texts))
        for section in every:
            for line in section.lines if section.kind == "global" else ():
                if line.words[0] in ("setenv", "presetenv") and len(line.words) > 2:
                    self.variables[line.words[1]] = line.words[2]
        self.cuts = cuts
        self.ports: dict[str, int] = {}
        """Name of a backend -> a port on which callers come to it."""
        self.fronts = [one for one in every if one.kind in ("frontend", "listen")]
        self.backs = {one.name: one for one in every if one.kind in ("backend", "listen")}
        self.http = {
            one.name: (mode.words[1:2] == ("http",)) if (mode := one.last("mode")) else False
            for one in every
            if one.kind in PROXIES
        }

    def passages(self) -> Iterator[Passage]:
        """What passes through, backend by backend."""
        ways: _Ways = {}
        for front in self.fronts:
            for request in _requests(front):
                for back, state in self._reached(front, request):
                    self.ports.setdefault(back.name, next(_ports(front), 0))
                    key = (back.name, state.sent.source + state.sent.literal)
                    ways.setdefault(key, []).append((request.path, state))
        checked: set[str] = set()
        for (name, _), states in ways.items():
            yield from self._through(self.backs[name], states, checked)

    def _reached(
        self, front: ProxySection, request: CallersRequest
    ) -> Iterator[tuple[ProxySection, RequestState]]:
        """The backends that a request may come to."""
        state = RequestState(request)
        if self.http[front.name]:
            state = after(front, state, self.variables, self.cuts)
            if state.answered:
                return
        if front.kind == "listen" and front.own("server"):
            yield front, state
        acls = Acls(front)
        for line in front.own("use_backend"):
            said = acls.condition(line.words, state.request)
            name = line.words[1] if len(line.words) > 1 else ""
            if "%[" in name and said is not False:
                self.cuts.append(f"{line.file}:{line.number}: which backend this uses is not known")
                continue
            if said is not False and name in self.backs:
                yield from self._in(self.backs[name], state)
            if said is True:
                return
        default = front.last("default_backend")
        if default and len(default.words) > 1 and default.words[1] in self.backs:
            yield from self._in(self.backs[default.words[1]], state)

    def _in(
        self, back: ProxySection, state: RequestState
    ) -> Iterator[tuple[ProxySection, RequestState]]:
        if self.http[back.name]:
            state = after(back, state, self.variables, self.cuts)
        if not state.answered:
            yield back, state

    def _through(
        self, back: ProxySection, states: list[tuple[str, RequestState]], checked: set[str]
    ) -> Iterator[Passage]:
        pairs = [(asked, state.request.path) for asked, state in states]
        shown = best(pairs)
        state = states[pairs.index(shown)][1]
        http = self.http[back.name]
        check = health_check(back, self.variables) if back.name not in checked else None
        checked.add(back.name)
        found = list(servers(back, self.fronts))
        alone = len(found) == len(back.own("server")) and not back.own("server-template")
        host = state.request.host if state.request.host != _ANY_HOST else ""
        for line, base in found:
            base = put_in(base, self.variables)
            miss = _miss(line, *shown) if http and misses(pairs) else None
            passage = Passage(
                file=line.file, line=line.number, base=base, name=back.name,
                block=by_hand.named(back), method="POST", asked=shown[0], sent=shown[1],
                key=state.sent if http else CALLERS_OWN, waits=_waits(back), miss=miss,
                by_hand=tuple(_edits(back, line, miss, shown[0], http=http)),
                splices=tuple(in_place.take_key(back)) if http else (),
                host=host, port=self.ports.get(back.name, 0), alone=alone,
            )  # fmt: skip
            yield passage
            if check is not None and _is_checked(back, line):
                yield _probe(back, passage, check)


def _mapped(every: list[ProxySection], texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is looked up in a map, as it is written, with what comes of it: the first line of that
    name counts (https://docs.haproxy.org/2.6/configuration.html#7.3.1-map)."""
    words = (word for section in every for line in section.lines for word in line.words)
    for found in {one[0]: one for word in words for one in MAPPED.finditer(word)}.values():
        lines = (line.split(maxsplit=1) for line in texts.get(found[2], "").splitlines())
        held = (one[1].strip() for one in lines if len(one) == 2 and one[0] == found[1])
        if value := next(held, ""):
            yield found[0], value


def _requests(front: ProxySection) -> Iterator[CallersRequest]:
    """What callers may ask a frontend: by the paths and hosts that it tells apart."""
    acls = Acls(front)
    tests = [test for line in front.lines for test in inline(line)]
    starts = [*acls.values("path"), *(v for t in tests if t.fetch == "path" for v in t.values)]
    hosts = [
        *acls.values("hdr(host)"),
        *(v for t in tests if t.fetch == "hdr(host)" for v in t.values),
    ]
    plain = [each for each in starts if each.startswith("/")]
    for host in dict.fromkeys([_ANY_HOST, *hosts[:_HOSTS]]):
        for start in dict.fromkeys(["/", *plain[:_STARTS]]):
            for path in (*below(start), start):
                yield CallersRequest(path, host)


def servers(back: ProxySection, fronts: list[ProxySection]) -> Iterator[tuple[ProxyLine, str]]:
    """(line, base URL) of the servers of a backend."""
    for line in back.own("server"):
        words = line.words
        if len(words) < 3 or "disabled" in words[3:]:
            continue
        found = _ADDRESS.fullmatch(words[2])
        scheme = "https" if "ssl" in words[3:] else "http"
        if found:
            yield line, f"{scheme}://{found['host'] or '127.0.0.1'}:{found['port']}"
        elif "@" not in words[2] and not words[2].startswith("/"):
            port = next((p for front in fronts for p in _ports(front)), 80)
            yield line, f"{scheme}://{words[2]}:{port}"


def _ports(front: ProxySection) -> Iterator[int]:
    for line in front.own("bind"):
        found = _ADDRESS.match(line.words[1]) if len(line.words) > 1 else None
        if found:
            yield int(found["port"])


def _is_checked(back: ProxySection, line: ProxyLine) -> bool:
    given = back.last("default-server")
    checks = "check" in line.words[3:] or (given is not None and "check" in given.words)
    return checks and "no-check" not in line.words


def _waits(back: ProxySection) -> tuple[Wait, ...]:
    line = back.last("timeout", "server")
    told = seconds(line.words[2:3], "ms") if line else None
    if line is None or told is None:
        return ()  # no limit
    return (Wait(line.file, line.number, told, "timeout server", "answered"),)


def _miss(line: ProxyLine, asked: str, sent: str) -> Miss:
    changed = f"of {asked} it makes {sent}" if asked != sent else f"{asked} is passed on as it is"
    return Miss(
        line.file, line.number, sent, COMPLETION, f"HAProxy changes no path by itself: {changed}"
    )


def _edits(
    back: ProxySection, line: ProxyLine, miss: Miss | None, asked: str, *, http: bool
) -> Iterator[HandEdit]:
    if http:  # bytes have no headers
        yield by_hand.give_key(back, line.number)
    yield by_hand.give_time(back, line.number)
    if miss:
        prefix = re.sub(r"(/v1)?/(chat/completions|completions|models)$", "", asked)
        yield by_hand.change_path(back, prefix, line.number)


def _probe(back: ProxySection, passage: Passage, check: HealthCheck) -> Passage:
    """The check as a way of its own."""
    edit = by_hand.check_health(back, check.lines, check.line.number)
    fine = is_open(check.path) and check.method == "GET"
    return replace(
        passage, file=check.line.file, line=check.line.number, purpose="probe",
        method=check.method, asked="", sent=check.path, key=check.key, waits=(), miss=None,
        accepts_401=check.accepts_401, by_hand=() if fine else (edit,),
        splices=tuple(in_place.check_health(back, check.lines)),
    )  # fmt: skip
