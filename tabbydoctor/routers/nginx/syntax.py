"""nginx's configuration as it is written: directives, each with its words, its place, its block.

crossplane, which reads the same, opens the files itself and is no longer kept up; the grammar is
small (https://nginx.org/en/docs/beginners_guide.html#conf_structure).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from tabbydoctor.records import dataclass, field, replace
from tabbydoctor.routers.gateways.text import MOST_LINES, MOST_WORDS
from tabbydoctor.routers.patterns import fits

_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<comment>#[^\n]*)|(?P<mark>[;{}])"
    r"|\"(?P<double>(?:[^\"\\]|\\.)*)\"|'(?P<single>(?:[^'\\]|\\.)*)'"
    r"|(?P<word>(?:\$\{[^}\s]*\}?|\\.|[^\s;{}])+)",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\([\"'\\ ;{}#])")
_DEPTH = 40
_INDENT = 400
"""Characters before a word of its line that are looked at."""
_TAKEN = 1000
"""How often files are included in all."""
_INCLUDES = 5
"""Files within each other that are read: main file, site, snippet, and room for more."""


class NotNginx(Exception):  # noqa: N818 - an answer, not a fault
    """What a text breaks nginx's grammar with, and its line."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message, self.line = message, line


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive: `name args;`, or with a block."""

    name: str
    args: tuple[str, ...]
    file: str
    line: int
    last: int
    """The line on which it ends."""
    indent: str = ""
    """What stands before it on its line, where that is space alone."""
    block: tuple[Directive, ...] | None = field(default=None, repr=False)
    start: int = 0
    end: int = 0
    """Where its first word begins in the text of its file, and where it has ended."""

    def within(self, *names: str) -> Iterator[Directive]:
        """The directives of its own block that have one of some names."""
        return (one for one in self.block or () if one.name in names)


@dataclass(slots=True)
class _Open:
    """A block that is not closed yet."""

    words: list[str]
    line: int
    indent: str
    start: int = 0
    inside: list[Directive] = field(default_factory=list)


def directives(text: str, file: str) -> tuple[Directive, ...]:
    """What a file holds, includes not followed. Raises NotNginx."""
    stack = [_Open([], 1, "")]
    words: list[str] = []
    first, indent, start = 1, "", 0
    for token, mark, line, before, at in _tokens(text):
        if not mark:
            if not words:
                first, indent, start = line, before, at
            words.append(token)
        elif token == ";":
            if not words:
                raise NotNginx("unexpected ;", line)
            name, *args = words
            stack[-1].inside.append(
                Directive(name, tuple(args), file, first, line, indent, None, start, at + 1)
            )
            words = []
        elif token == "{":
            if not words or len(stack) > _DEPTH:
                raise NotNginx("unexpected {" if not words else "nested too deeply", line)
            stack.append(_Open(words, first, indent, start))
            words = []
        else:
            if words or len(stack) == 1:
                raise NotNginx("a directive is not ended by ;" if words else "unexpected }", line)
            opened = stack.pop()
            name, *args = opened.words
            stack[-1].inside.append(
                Directive(
                    name, tuple(args), file, opened.line, line, opened.indent,
                    tuple(opened.inside), opened.start, at + 1,
                )
            )  # fmt: skip
    if words or len(stack) > 1:
        raise NotNginx("it ends within a block or a directive", stack[-1].line)
    return tuple(stack[0].inside)


def _tokens(text: str) -> Iterator[tuple[str, bool, int, str, int]]:
    """(word or mark, whether it is a mark, line, the space before it on its line, where)."""
    at, line, count, lua, start = 0, 1, 0, False, 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or count > MOST_WORDS:
            raise NotNginx("a quotation is not ended" if found is None else "too long", line)
        kind, whole = found.lastgroup, found[0]
        if kind not in ("space", "comment"):
            count += 1
            before = text[start:at] if at - start <= _INDENT else ""
            token = whole if kind in ("word", "mark") else found[kind or 0]
            yield (
                _ESCAPED.sub(r"\1", token),
                kind == "mark",
                line,
                before if before.isspace() else "",
                at,
            )
            if kind == "mark" and lua and whole == "{":
                end = _after_lua(text, found.end())
                line += text.count("\n", at, end)
                start = max(start, text.rfind("\n", at, end) + 1)
                at, lua = end, False
                continue
            lua = (kind == "word" and whole.endswith("_by_lua_block")) or (lua and kind != "mark")
        line += whole.count("\n")
        start = max(start, text.rfind("\n", at, found.end()) + 1)
        at = found.end()


def _after_lua(text: str, at: int) -> int:
    """Where the closing brace of a block of Lua stands, whose own braces pair."""
    depth = 1
    for found in re.compile(r"[{}]").finditer(text, at):
        depth += 1 if found[0] == "{" else -1
        if depth == 0:
            return found.start()
    return len(text)


def expanded(
    given: tuple[Directive, ...],
    files: dict[str, tuple[Directive, ...]],
    prefix: str,
    cuts: list[str],
    within: tuple[str, ...] = (),
    taken: Counter[str] | None = None,
) -> tuple[Directive, ...]:
    """The directives with those of included files in the place of each `include`.

    `within` are the files that are being included, each of which counts once; `taken` counts all
    that were, and their lines.
    """
    taken = Counter() if taken is None else taken
    found: list[Directive] = []
    for one in given:
        taken["lines"] += 1
        if taken["lines"] > MOST_LINES:
            cuts.append(f"{one.file}:{one.line}: it includes more than is followed")
            break
        if one.name == "include" and one.args:
            named = included_files(one.args[0], files, prefix)
            if not named and not set(one.args[0]) & set("*?["):
                where = f"{one.file}:{one.line}"
                cuts.append(f"{where}: {one.args[0]}, which it includes, was not read")
            for path in named:
                taken["files"] += 1
                if path in within or len(within) >= _INCLUDES or taken["files"] > _TAKEN:
                    where = f"{one.file}:{one.line}"
                    cuts.append(f"{where}: {path} is included in a circle, or too often")
                    break
                found += expanded(files[path], files, prefix, cuts, (*within, path), taken)
        elif one.block is None:
            found.append(one)
        else:
            inner = expanded(one.block, files, prefix, cuts, within, taken)
            found.append(replace(one, block=inner))
    return tuple(found)


def included_files(pattern: str, files: dict[str, tuple[Directive, ...]], prefix: str) -> list[str]:
    """The files that an include names, in nginx's order."""
    whole = pattern if pattern.startswith("/") else f"{prefix}/{pattern}"
    return sorted(path for path in files if fits(path, whole))
