"""What HAProxy's http-request rules make of a request: its path, and its key."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tabbydoctor.records import dataclass, replace
from tabbydoctor.routers.gateways.passage import (
    CALLERS_OWN,
    NO_KEY,
    SentKey,
    bearer,
    of_variable,
    written,
)
from tabbydoctor.routers.gateways.text import LONGEST, put_into
from tabbydoctor.routers.haproxy.conditions import Acls, CallersRequest
from tabbydoctor.routers.haproxy.syntax import VARIABLE, ProxyLine, ProxySection, put_in
from tabbydoctor.routers.nginx.matching import searched

_OWN = ("hdr(authorization)", "hdr(x-api-key)")
_KEYS = ("authorization", "x-api-key")
_ENVIRONMENT = re.compile(rf"(?:bearer )?{VARIABLE}(\w+){VARIABLE}", re.IGNORECASE)
_FETCHED = re.compile(r"(?:bearer )?%\[env\((\w+)\)\]", re.IGNORECASE)
MAPPED = re.compile(r"%\[str\((\w+)\),map\((/[^,)\s]+)\)\]")
"""What is looked up in a map file by a name that is written there, too."""
_HANDED = re.compile(r"%\[req\.f?hdr\((authorization|x-api-key)\)\]", re.IGNORECASE)


@dataclass(frozen=True)
class RequestState:
    """A request on its way."""

    request: CallersRequest
    key: SentKey = CALLERS_OWN
    raw: SentKey | None = None
    """What X-Api-Key is set to: TabbyAPI looks at it first."""
    answered: bool = False

    @property
    def sent(self) -> SentKey:
        """The key that counts."""
        return self.raw if self.raw is not None else self.key


def after(
    section: ProxySection, state: RequestState, variables: Mapping[str, str], cuts: list[str]
) -> RequestState:
    """The request after the rules of a section."""
    acls = Acls(section)
    for line in section.every("http-request"):
        if len(line.words) < 2:
            continue
        said = acls.condition(line.words, state.request)
        action = line.words[1]
        if action in ("deny", "reject", "return", "redirect", "tarpit", "auth"):
            state = _refused(line, acls, state, said)
            if state.answered:
                return state
        elif action in ("set-path", "replace-path", "set-uri", "replace-uri", "set-pathq",
                        "replace-pathq"):  # fmt: skip
            if said is not False:
                state = replace(state, request=_moved(line, state.request, cuts))
        elif action in ("set-header", "add-header", "del-header", "replace-header"):
            state = _headed(line, acls, state, said, variables)
        elif action.startswith(("lua.", "use-service")) and said is not False:
            cuts.append(f"{line.file}:{line.number}: what {action} does is not followed")
    return state


def _refused(line: ProxyLine, acls: Acls, state: RequestState, said: bool | None) -> RequestState:
    """After a rule that answers; who gets past one that compares the key has that key."""
    for test, negated in acls.tests(line.words):
        own = test is not None and test.fetch in _OWN and test.how == "str"
        if own and negated and test and len(test.values) == 1 and state.key == CALLERS_OWN:
            raw = test.fetch == "hdr(x-api-key)"
            key = (written if raw else bearer)(test.values[0], line.file, line.number)
            return replace(state, key=key)
    return replace(state, answered=True) if said is True else state


def _headed(
    line: ProxyLine,
    acls: Acls,
    state: RequestState,
    said: bool | None,
    variables: Mapping[str, str],
) -> RequestState:
    name = line.words[2].lower() if len(line.words) > 2 else ""
    if name not in _KEYS or said is False:
        return state
    own = [test for test, _ in acls.tests(line.words) if test and test.fetch in _OWN]
    if own:  # the caller's wins, where he sends one
        return state
    if line.words[1] == "del-header":
        key: SentKey | None = replace(NO_KEY, file=line.file, line=line.number)
        key = None if name == "x-api-key" else key
    elif line.words[1] == "set-header" and len(line.words) > 3:
        key = value_of(line, variables, raw=name == "x-api-key")
    else:
        key = SentKey(None, "a header that is changed", file=line.file, line=line.number)
    if said is None and key != state.key:
        key = SentKey(None, "a rule with a condition", file=line.file, line=line.number)
    if name == "x-api-key":
        return replace(state, raw=key)
    return replace(state, key=key or NO_KEY)


def value_of(line: ProxyLine, variables: Mapping[str, str], *, raw: bool) -> SentKey:
    """The key that a header's value is: the fourth word of a line."""
    value = put_in(line.words[3], variables)
    mapped = MAPPED.search(value)
    if mapped and mapped[0] in variables:
        value = value.replace(mapped[0], variables[mapped[0]].replace("%", "%%"))
        held = ProxyLine(("", "", "", value), mapped[2], line.number, "")
        return value_of(held, {}, raw=raw)
    if _HANDED.search(value):
        return replace(CALLERS_OWN, file=line.file, line=line.number)
    named = _ENVIRONMENT.fullmatch(value) or _FETCHED.fullmatch(value)
    if named:
        return of_variable(named[1], line.file, line.number)
    if "%[" in value or VARIABLE in value:
        return SentKey(None, "a value worked out", file=line.file, line=line.number)
    return (written if raw else bearer)(value.replace("%%", "%"), line.file, line.number)


def _moved(line: ProxyLine, request: CallersRequest, cuts: list[str]) -> CallersRequest:
    """The request with another path."""
    action, words = line.words[1], line.words[2:]
    path: str | None = None
    if any(len(word) > LONGEST for word in words):
        path = None
    elif action.startswith("set-") and words:
        path = put_into(words[0], "%[path]", request.path) or "%["
        for found in re.finditer(r"%\[path,regsub\(([^,]*),([^,)]*)[^)]*\)\]", path):
            changed = re.sub(found[1], found[2], request.path, count=1) if _safe(found[1]) else None
            path = path.replace(found[0], changed) if changed is not None else None
            break
    elif len(words) > 1 and searched("", words[0]) is not None:
        match = searched(words[0], request.path)
        path = request.path
        if match:
            new = re.sub(r"\\(\d)", lambda one: _group(match, int(one[1])), words[1])
            path = request.path[: match.start()] + new + request.path[match.end() :]
    if path is None or "%[" in path or len(path) > LONGEST:
        cuts.append(f"{line.file}:{line.number}: what {action} makes of a path is not known")
        return request
    return replace(request, path=path.partition("?")[0] or "/")


def _group(match: re.Match[str], number: int) -> str:
    return (match[number] or "") if number <= (match.re.groups or 0) else ""


def _safe(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return searched(pattern, "") is not None or not re.search(r"[+*}]\)[+*{]", pattern)
