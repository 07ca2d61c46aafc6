"""A Caddyfile as it is written: directives by lines, with their blocks.

https://caddyserver.com/docs/caddyfile/concepts
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from tabbydoctor.records import dataclass, field, replace
from tabbydoctor.routers.gateways.text import MOST_LINES, MOST_WORDS, put_into
from tabbydoctor.routers.patterns import fits

_TOKEN = re.compile(
    r"(?P<space>[ \t\r]+)|(?P<joined>\\\n)|(?P<end>\n)|(?P<comment>#[^\n]*)"
    r"|\"(?P<double>(?:[^\"\\]|\\.)*)\"|`(?P<raw>[^`]*)`|(?P<word>(?:\\.|[^\s])+)",
    re.DOTALL,
)
_VARIABLE = re.compile(r"\{\$(\w+)(?::([^{}]*))?\}")
_DEPTH = 30
_IMPORTS = 4
"""Snippets and files within each other that are read."""


class NotCaddyfile(Exception):  # noqa: N818 - an answer, not a fault
    """What a text breaks the grammar with, and its line."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message, self.line = message, line


@dataclass(frozen=True, slots=True)
class CaddyLine:
    """A directive, with what stands in its block."""

    words: tuple[str, ...]
    file: str
    line: int
    last: int
    indent: str = ""
    block: tuple[CaddyLine, ...] | None = field(default=None, repr=False)
    start: int = 0
    head: int = 0
    """Where its first word begins in the text of its file, and where its words end: those of one
    with a block with the brace that opens it."""

    @property
    def name(self) -> str:
        """Its first word."""
        return self.words[0] if self.words else ""

    def within(self, *names: str) -> list[CaddyLine]:
        """The lines of its block that have one of some names."""
        return [one for one in self.block or () if one.name in names]


def caddy_lines(
    text: str, file: str, environment: Mapping[str, str] | None = None
) -> tuple[CaddyLine, ...]:
    """What a file holds, imports not followed. Raises NotCaddyfile."""
    top = _Words((), 1, "", 0, 0)
    stack: list[tuple[_Words, list[CaddyLine]]] = [(top, [])]
    for one in _lines(text):
        line, words = one.line, one.words
        words = tuple(_put_in(word, environment or {}) for word in words)
        if words == ("}",):
            if len(stack) == 1:
                raise NotCaddyfile("unexpected }", line)
            opened, inside = stack.pop()
            stack[-1][1].append(opened.directive(file, line, tuple(inside)))
        elif words[-1] == "{":
            if len(stack) > _DEPTH:
                raise NotCaddyfile("nested too deeply", line)
            stack.append((replace(one, words=words[:-1]), []))
        else:
            stack[-1][1].append(replace(one, words=words).directive(file, line, None))
    if len(stack) > 1:
        raise NotCaddyfile("a block is not closed", stack[-1][0].line)
    return tuple(stack[0][1])


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a line."""

    words: tuple[str, ...]
    line: int
    indent: str
    start: int
    end: int

    def directive(self, file: str, last: int, block: tuple[CaddyLine, ...] | None) -> CaddyLine:
        """What they begin."""
        place = (file, self.line, last, self.indent)
        return CaddyLine(self.words, *place, block, self.start, self.end)


def _lines(text: str) -> Iterator[_Words]:
    """Each line with words."""
    words: list[str] = []
    at, line, first, indent, count = 0, 1, 1, "", 0
    begin = end = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or count > MOST_WORDS:
            raise NotCaddyfile("a quotation is not ended" if found is None else "too long", line)
        kind = found.lastgroup or ""
        if kind in ("word", "double", "raw"):
            count += 1
            if not words:
                start = text.rfind("\n", 0, at) + 1
                first, indent = line, text[start:at] if text[start:at].isspace() else ""
                begin = at
            end = found.end()
            words.append(
                re.sub(r"\\([\"\\])", r"\1", found[kind]) if kind == "double" else found[kind]
            )
        elif kind == "end" and words:
            yield _Words(tuple(words), first, indent, begin, end)
            words = []
        line += found[0].count("\n")
        at = found.end()
    if words:
        yield _Words(tuple(words), first, indent, begin, end)


def _put_in(word: str, environment: Mapping[str, str]) -> str:
    """A word with `{$NAME}` put in where it is no secret, or has a default."""

    def value(found: re.Match[str]) -> str:
        known = environment.get(found[1], found[2])
        return found[0] if known is None else known

    return word if "KEY" in word.upper() else _VARIABLE.sub(value, word)


def sites(lines: tuple[CaddyLine, ...]) -> tuple[list[CaddyLine], dict[str, CaddyLine]]:
    """The sites, and the snippets by name; a file of one site may go without braces."""
    snippets = {one.name.strip("()"): one for one in lines if re.fullmatch(r"\([^)]+\)", one.name)}
    rest = [one for one in lines if one.words and one.name.strip("()") not in snippets]
    if rest and rest[0].block is None and not any(_is_site(one) for one in rest):
        head = rest[0]
        whole = CaddyLine(head.words, head.file, head.line, rest[-1].last, "", tuple(rest[1:]))
        return [whole], snippets
    return [one for one in rest if one.block is not None], snippets


def _is_site(one: CaddyLine) -> bool:
    return one.block is not None and bool(re.search(r"[.:]|^localhost|^http", one.name))


def expanded_lines(
    lines: tuple[CaddyLine, ...],
    snippets: Mapping[str, CaddyLine],
    files: Mapping[str, tuple[CaddyLine, ...]],
    cuts: list[str],
    within: tuple[str, ...] = (),
    taken: Counter[str] | None = None,
) -> tuple[CaddyLine, ...]:
    """The lines with those of snippets and files in the place of each `import`; none in itself."""
    found: list[CaddyLine] = []
    taken = Counter() if taken is None else taken
    for one in lines:
        taken["lines"] += 1
        if taken["lines"] > MOST_LINES:
            cuts.append(f"{one.file}:{one.line}: it imports more than is followed")
            break
        if one.name == "import" and len(one.words) > 1:
            if one.words[1] in within or len(within) >= _IMPORTS:
                cuts.append(f"{one.file}:{one.line}: {one.words[1]} is imported in a circle")
                continue
            given = snippets[one.words[1]].block if one.words[1] in snippets else None
            given = given if given is not None else _of_files(one.words[1], one.file, files)
            if not given and not set(one.words[1]) & set("*?["):
                cuts.append(
                    f"{one.file}:{one.line}: {one.words[1]}, which it imports, was not read"
                )
            put = tuple(_with_arguments(each, one.words[2:]) for each in given or ())
            found += expanded_lines(put, snippets, files, cuts, (*within, one.words[1]), taken)
        elif one.block is None:
            found.append(one)
        else:
            inside = expanded_lines(one.block, snippets, files, cuts, within, taken)
            found.append(replace(one, block=inside))
    return tuple(found)


def _of_files(
    pattern: str, file: str, files: Mapping[str, tuple[CaddyLine, ...]]
) -> tuple[CaddyLine, ...]:
    directory = file.rpartition("/")[0]
    whole = pattern if pattern.startswith("/") else f"{directory}/{pattern}"
    return tuple(one for path in sorted(files) if fits(path, whole) for one in files[path])


def _with_arguments(line: CaddyLine, arguments: tuple[str, ...]) -> CaddyLine:
    def put(word: str) -> str:
        for number, argument in enumerate(arguments):
            for name in (f"{{args[{number}]}}", f"{{args.{number}}}"):
                grown = put_into(word, name, argument)
                word = word if grown is None else grown
        return word

    block = line.block and tuple(_with_arguments(one, arguments) for one in line.block)
    return replace(line, words=tuple(map(put, line.words)), block=block)
