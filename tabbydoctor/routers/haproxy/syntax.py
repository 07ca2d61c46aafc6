"""HAProxy's configuration as it is written: sections of lines, with their words.

https://docs.haproxy.org/2.6/configuration.html#2.2
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from tabbydoctor.records import dataclass, field

_SECTIONS = frozenset(
    {"global", "defaults", "frontend", "backend", "listen", "peers", "resolvers", "userlist",
     "mailers", "program", "cache", "http-errors", "ring", "log-forward", "fcgi-app", "crt-store"}
)  # fmt: skip
PROXIES = ("frontend", "backend", "listen")
_WORD = re.compile(
    r"""(?P<space>[ \t]+)|(?P<comment>\#.*)"""
    r"""|(?P<part>"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\\#]+|["'\\])"""
)
_ESCAPED = re.compile(r"""\\([ \\\#"'])""")
"""Before anything else a backslash stays: `\\1` of a replacement."""
_REFERENCE = re.compile(r"\$\{(\w+)(?:\[\*\])?\}|\$(\w+)")
VARIABLE = "\0"
"""Stands before and behind the name of a variable of the environment."""


@dataclass(frozen=True, slots=True)
class ProxyLine:
    """One line that says something."""

    words: tuple[str, ...]
    file: str
    number: int
    indent: str
    start: int = 0
    end: int = 0
    """Where it begins and ends in the text of its file, its line end left out."""

    def starts(self, *words: str) -> bool:
        """Whether it begins with some words."""
        return self.words[: len(words)] == words


@dataclass(slots=True)
class ProxySection:
    """One section, and the defaults that hold for it."""

    kind: str
    name: str
    head: ProxyLine
    lines: list[ProxyLine] = field(default_factory=list)
    defaults: ProxySection | None = None

    def own(self, *words: str) -> list[ProxyLine]:
        """Its own lines that begin with some words."""
        return [line for line in self.lines if line.starts(*words)]

    def last(self, *words: str) -> ProxyLine | None:
        """The line that counts: its own last one, else the defaults'."""
        return next((found[-1] for one in self._chain() if (found := one.own(*words))), None)

    def every(self, *words: str) -> list[ProxyLine]:
        """The defaults' lines, then its own."""
        return [line for one in reversed(list(self._chain())) for line in one.own(*words)]

    def _chain(self) -> Iterator[ProxySection]:
        """It, its defaults, what these are from, and so on."""
        one: ProxySection | None = self
        while one is not None:
            yield one
            one = one.defaults


def sections(text: str, file: str, before: Iterable[ProxySection] = ()) -> list[ProxySection]:
    """What a file holds; what stands before the first section is left out. `before` are those of
    the files that are read before it.
    """
    found: list[ProxySection] = []
    named = {one.name: one for one in before if one.kind == "defaults"}
    defaults = next(reversed(named.values()), None)
    start = at = 0
    for number, whole in enumerate(text.splitlines(keepends=True), 1):
        start, at = at, at + len(whole)
        raw = (whole.splitlines() or [""])[0]
        words = tuple(_words(raw))
        if not words:
            continue
        indent = raw[: len(raw) - len(raw.lstrip())]
        line = ProxyLine(words, file, number, indent, start, start + len(raw))
        if words[0] in _SECTIONS and not (found and words[0] == "cache" and line.indent):
            one = ProxySection(words[0], words[1] if len(words) > 1 else "", line)
            given = words[words.index("from") + 1] if "from" in words[2:-1] else ""
            one.defaults = named.get(given, defaults)
            if one.kind == "defaults":
                one.defaults = named.get(given)
                defaults = named[one.name] = one
            found.append(one)
        elif found:
            found[-1].lines.append(line)
    return found


def _words(line: str) -> Iterator[str]:
    """The words of a line; a variable's name comes between two marks, where it is expanded."""
    parts: list[str] = []
    at = 0
    while at < len(line):
        found = _WORD.match(line, at)
        if found is None or found.lastgroup == "comment":
            break
        at = found.end()
        if found.lastgroup == "space":
            if parts:
                yield "".join(parts)
            parts = []
            continue
        parts.append(_part(found[0]))
    if parts:
        yield "".join(parts)


def _part(text: str) -> str:
    if text.startswith('"') and len(text) > 1:
        inner = _REFERENCE.sub(lambda one: f"{VARIABLE}{one[1] or one[2]}{VARIABLE}", text[1:-1])
        return _ESCAPED.sub(r"\1", inner)
    if text.startswith("'") and len(text) > 1:
        return text[1:-1]
    return _ESCAPED.sub(r"\1", text)


def put_in(word: str, variables: Mapping[str, str]) -> str:
    """A word with the variables put in that are known; others stay marked."""
    return re.sub(f"{VARIABLE}(\\w+){VARIABLE}", lambda one: variables.get(one[1], one[0]), word)
