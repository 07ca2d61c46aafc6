"""Whether a rule of HAProxy's holds for a request: its ACLs, as far as they ask for what is known.

https://docs.haproxy.org/2.6/configuration.html#7
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tabbydoctor.records import dataclass
from tabbydoctor.routers.haproxy.syntax import ProxyLine, ProxySection
from tabbydoctor.routers.nginx.matching import searched

_MATCHES = ("str", "beg", "end", "sub", "dir", "dom", "reg", "found")
_SUFFIX = re.compile(r"_(beg|end|sub|dir|dom|reg)$")
_FIXED = {
    "always_true": True, "always_false": False, "TRUE": True, "FALSE": False, "HTTP": True,
    "HTTP_1.1": True, "METH_POST": True, "METH_GET": False, "METH_HEAD": False,
    "METH_OPTIONS": False, "HTTP_CONTENT": True, "LOCALHOST": None,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CallersRequest:
    """What a caller asks."""

    path: str
    host: str
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion with its values."""

    fetch: str
    """Without its suffix and converters, in small letters: `path`, `req.hdr(authorization)`."""
    how: str
    values: tuple[str, ...]
    whole: bool = True
    """Whether nothing of it was left out."""


def criterion_of(words: Sequence[str]) -> Criterion | None:
    """A criterion as it stands behind an ACL's name, or between braces."""
    if not words:
        return None
    fetch, *converters = re.split(r",(?![^(]*\))", words[0])
    suffix = _SUFFIX.search(fetch.partition("(")[0])
    head, bracket, rest = fetch.partition("(")
    how = suffix[1] if suffix else "str"
    name = f"{_SUFFIX.sub('', head)}{bracket}{rest}".lower()
    values, flags = list(words[1:]), []
    while values and values[0].startswith("-") and len(values[0]) == 2:
        flag = values.pop(0)
        if flag == "--":
            break
        if flag in ("-m", "-f", "-M") and values:
            given = values.pop(0)
            how = given if flag == "-m" else how
            flags.append(flag if flag != "-m" else "")
        elif flag == "-i":
            values = [each.lower() for each in values]
    plain = all(each in ("lower", "url_dec") for each in converters) and not any(flags)
    return Criterion(
        name.replace("req.hdr(", "hdr(").replace("req.fhdr(", "hdr("), how, tuple(values), plain
    )


def holds(test: Criterion | None, request: CallersRequest) -> bool | None:
    """Whether a criterion holds; None where that depends on what is not known."""
    if test is None or not test.whole:
        return None
    if test.fetch in _FIXED or test.fetch.upper() in _FIXED:
        return _FIXED.get(test.fetch, _FIXED.get(test.fetch.upper()))
    known = {
        "path": request.path, "capture.req.uri": request.path, "url": request.path,
        "pathq": request.path, "hdr(host)": request.host, "method": request.method,
        "base": request.host + request.path,
    }  # fmt: skip
    if test.fetch not in known or test.how not in _MATCHES:
        return None
    return any(_matches(test.how, known[test.fetch], value) for value in test.values)


def _matches(how: str, text: str, value: str) -> bool:
    match how:
        case "beg":
            return text.startswith(value)
        case "end":
            return text.endswith(value)
        case "sub":
            return value in text
        case "dir":
            return f"/{value.strip('/')}/" in f"{text}/"
        case "dom":
            return f".{value}." in f".{text}."
        case "reg":
            return searched(value, text) is not None
    return text == value


class Acls:
    """The named criteria of a section."""

    def __init__(self, section: ProxySection) -> None:
        self.named: dict[str, list[Criterion | None]] = {}
        for line in section.every("acl"):
            if len(line.words) > 2:
                self.named.setdefault(line.words[1], []).append(criterion_of(line.words[2:]))

    def condition(self, words: Sequence[str], request: CallersRequest) -> bool | None:
        """Whether what follows `if` or `unless` holds; True without either."""
        at = next((n for n, word in enumerate(words) if word in ("if", "unless")), None)
        if at is None:
            return True
        said = _any(
            _all(self._term(term, negated, request) for term, negated in group)
            for group in _groups(words[at + 1 :])
        )
        return said if said is None or words[at] == "if" else not said

    def tests(self, words: Sequence[str]) -> list[tuple[Criterion | None, bool]]:
        """The criteria of a condition, and whether each is negated."""
        at = next((n for n, word in enumerate(words) if word in ("if", "unless")), None)
        if at is None:
            return []
        unless = words[at] == "unless"
        return [
            (test, negated != unless)
            for group in _groups(words[at + 1 :])
            for term, negated in group
            for test in (
                self.named.get(term, []) if isinstance(term, str) else [criterion_of(term)]
            )
        ]

    def _term(
        self, term: str | tuple[str, ...], negated: bool, request: CallersRequest
    ) -> bool | None:
        if isinstance(term, str) and term not in self.named:
            said = _FIXED.get(term)
        else:
            tests = self.named[term] if isinstance(term, str) else [criterion_of(term)]
            said = _any(holds(test, request) for test in tests)
        return said if said is None or not negated else not said

    def values(self, fetch: str) -> Iterator[str]:
        """What a criterion's values are, in any ACL."""
        for tests in self.named.values():
            for test in tests:
                if test is not None and test.fetch == fetch:
                    yield from test.values


AclTerm = tuple[str | tuple[str, ...], bool]


def _groups(words: Sequence[str]) -> Iterator[list[AclTerm]]:
    """The terms of a condition, those joined by `or` apart."""
    group: list[AclTerm] = []
    at, negated = 0, False
    while at < len(words):
        word = words[at]
        if word in ("or", "||"):
            yield group
            group = []
        elif word == "!":
            negated = not negated
            at += 1
            continue
        elif word in ("{", "!{"):
            end = next((n for n in range(at, len(words)) if words[n] == "}"), len(words))
            group.append((tuple(words[at + 1 : end]), negated != (word == "!{")))
            at = end
        else:
            group.append((word.lstrip("!"), negated != word.startswith("!")))
        negated = False
        at += 1
    yield group


def inline(line: ProxyLine) -> list[Criterion]:
    """The criteria between braces of a line."""
    return [
        test
        for group in _groups(line.words)
        for term, _ in group
        if isinstance(term, tuple) and (test := criterion_of(term))
    ]


def _all(said: Iterator[bool | None]) -> bool | None:
    every = list(said)
    return False if False in every else None if None in every else True


def _any(said: Iterator[bool | None]) -> bool | None:
    every = list(said)
    return True if True in every else None if None in every else False
