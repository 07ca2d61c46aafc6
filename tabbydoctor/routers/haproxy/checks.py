"""How HAProxy asks a server for its health: `option httpchk` and `http-check`, the last counts."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tabbydoctor.records import dataclass, replace
from tabbydoctor.routers.gateways.passage import NO_KEY, SentKey
from tabbydoctor.routers.haproxy.rules import value_of
from tabbydoctor.routers.haproxy.syntax import ProxyLine, ProxySection


@dataclass(frozen=True)
class HealthCheck:
    """One check over HTTP."""

    line: ProxyLine
    method: str = "OPTIONS"
    path: str = "/"
    key: SentKey = NO_KEY
    accepts_401: int = 0
    """The line by which 401 is fine; 0 for none."""
    lines: tuple[ProxyLine, ...] = ()
    """The section's own lines that make it."""


def health_check(section: ProxySection, variables: Mapping[str, str]) -> HealthCheck | None:
    """The check of a backend; None where its servers are asked over HTTP by none."""
    option = section.last("option", "httpchk")
    if option is None or section.own("no", "option", "httpchk"):
        return None
    words = option.words[2:]
    found = HealthCheck(option)
    if len(words) == 1:
        found = replace(found, path=words[0])
    elif words:
        found = replace(found, method=words[0].upper(), path=words[1])
    header = re.search(r"authorization:\s*(.*)", " ".join(words[2:]), re.IGNORECASE)
    if header:
        line = ProxyLine(("", "", "", header[1].strip()), option.file, option.number, "")
        found = replace(found, key=value_of(line, variables, raw=False))
    for send in section.every("http-check", "send"):
        found = _sent(found, send, variables)
    for expect in section.every("http-check", "expect"):
        found = replace(found, accepts_401=expect.number if _takes_401(expect) else 0)
    own = (*section.own("option", "httpchk"), *section.own("http-check"))
    return replace(found, lines=own)


def _sent(found: HealthCheck, line: ProxyLine, variables: Mapping[str, str]) -> HealthCheck:
    words = line.words[2:]
    for at, word in enumerate(words):
        following = words[at + 1 : at + 3]
        if word == "meth" and following:
            found = replace(found, method=following[0].upper(), line=line)
        elif word == "uri" and following:
            found = replace(found, path=following[0], line=line)
        elif word == "hdr" and len(following) == 2:
            name, value = following
            if name.lower() in ("authorization", "x-api-key"):
                given = ProxyLine(("", "", name, value), line.file, line.number, "")
                raw = name.lower() == "x-api-key"
                found = replace(found, key=value_of(given, variables, raw=raw))
    return found


def _takes_401(line: ProxyLine) -> bool:
    """Whether 401 is what is expected."""
    words = [word for word in line.words[2:] if word not in ("min-recv",)]
    negated = "!" in words
    words = [word for word in words if word != "!"]
    kind, value = (words[0], words[1]) if len(words) > 1 else ("", "")
    if kind == "status":
        within = any(_in_range(401, each) for each in value.split(","))
        return within != negated
    if kind == "rstatus":
        try:
            return (
                bool(re.search(value, "401")) != negated
                and bool(re.search(value, "200")) != negated
            )
        except re.error:
            return False
    return False


def _in_range(status: int, text: str) -> bool:
    low, dash, high = text.partition("-")
    plain = low.isdecimal() and (not dash or high.isdecimal())
    if not plain or len(text) > 9:
        return False
    return int(low) <= status <= int(high or low)
