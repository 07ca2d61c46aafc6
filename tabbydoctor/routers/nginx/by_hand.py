"""The lines that mend nginx's configuration where it stands."""

from __future__ import annotations

from collections.abc import Sequence

from tabbydoctor.routers import Concern, HandEdit
from tabbydoctor.routers.nginx.headers import KEYS, headers
from tabbydoctor.routers.nginx.level import Level, words, written_out
from tabbydoctor.routers.nginx.matching import modified
from tabbydoctor.routers.nginx.syntax import Directive

KEY_LINES = (
    'proxy_set_header Authorization "Bearer <api_key>";',
    'proxy_set_header X-Api-Key "";',
    'proxy_set_header X-Admin-Key "";',
)
OWN = frozenset({*KEYS, "x-admin-key"})
"""The headers that are TabbyAPI's keys, in small letters."""
PATIENCE = 600
"""Seconds: what clients of OpenAI's own wait by default."""


def named(scope: Level) -> str:
    """A block, in words."""
    return words(scope.block) if scope.block.name else "http"


def give_key(scope: Level, passing: Directive) -> HandEdit:
    """The key, with the headers repeated that an inner one would cancel."""
    level, given = headers(scope)
    repeated = [one for one in given if one.args and one.args[0].lower() not in OWN]
    if level is not None and level.block is scope.block:
        return _changed(scope, passing, "key", KEY_LINES, _keys_of(given))
    lines = (*(f"{words(one)};" for one in repeated), *KEY_LINES)
    return _changed(scope, passing, "key", lines, [])


def _keys_of(given: Sequence[Directive]) -> list[Directive]:
    return [one for one in given if one.args and one.args[0].lower() in OWN]


def give_time(scope: Level, passing: Directive, seconds: int = PATIENCE) -> HandEdit:
    """A longer wait for an answer."""
    old = list(scope.own("proxy_read_timeout"))
    return _changed(scope, passing, "wait", (f"proxy_read_timeout {seconds}s;",), old)


def give_path(scope: Level, passing: Directive, target: str) -> HandEdit:
    """A proxy_pass by which TabbyAPI is asked for what it serves."""
    return _changed(scope, passing, "path", (f"proxy_pass {target};",), [passing])


def rewrite_so(scope: Level, passing: Directive, lines: tuple[str, ...]) -> HandEdit:
    """Another rewrite in the place of its own, or none."""
    return _changed(scope, passing, "path", lines, list(scope.own("rewrite")))


def let_stream(scope: Level, passing: Directive) -> HandEdit:
    """Answers that are handed on as they come."""
    old = list(scope.own("proxy_buffering"))
    return _changed(scope, passing, "stream", ("proxy_buffering off;",), old)


def _changed(
    scope: Level, passing: Directive, why: Concern, lines: Sequence[str], old: list[Directive]
) -> HandEdit:
    """Lines behind proxy_pass, or in the place of old ones; a block on one line is written out."""
    block = scope.block
    crowded = block.line == passing.line or block.last == passing.last
    if crowded or any(not _alone(one, block) for one in old):
        return _written_anew(scope, passing, why, lines, old)
    indented = tuple(f"{passing.indent}{line}" for line in lines)
    if not old:
        return HandEdit(why, passing.file, passing.last, indented, 0, named(scope), passing.line)
    first, last = old[0].line, old[-1].last
    kept = [one for one in block.block or () if first <= one.line <= last and one not in old]
    between = tuple(f"{one.indent}{words(one)};" for one in kept)
    count = last - first + 1
    return HandEdit(why, old[0].file, first, indented + between, count, named(scope), passing.line)


def _alone(one: Directive, block: Directive) -> bool:
    """Whether a directive has its lines for itself, in the file of its block."""
    others = [each for each in block.block or () if each is not one]
    return one.file == block.file and not any(
        each.line <= one.last and one.line <= each.last and each.file == one.file for each in others
    )


def _written_anew(
    scope: Level, passing: Directive, why: Concern, lines: Sequence[str], old: list[Directive]
) -> HandEdit:
    """The outermost block of those lines, whole."""
    outer = scope
    while outer.outer is not None and outer.outer.block.name and _shares(outer, outer.outer):
        outer = outer.outer
    kept = _without(outer.block, scope.block, old)
    inner = {id(kept[1]): list(lines)}
    text = tuple(written_out(kept[0], outer.block.indent, inner))
    count = outer.block.last - outer.block.line + 1
    return HandEdit(
        why, outer.block.file, outer.block.line, text, count, named(scope), passing.line
    )


def _shares(inner: Level, outer: Level) -> bool:
    """Whether a block begins or ends on a line of the one around it."""
    if inner.block.file != outer.block.file:
        return False
    siblings = [one for one in outer.block.block or () if one is not inner.block]
    lines = {outer.block.line, outer.block.last}
    lines |= {n for one in siblings if one.file == inner.block.file for n in (one.line, one.last)}
    return bool(lines & {inner.block.line, inner.block.last})


def _without(
    outer: Directive, wanted: Directive, old: list[Directive]
) -> tuple[Directive, Directive]:
    """A block without some directives; and, in it, what has become of an inner one."""
    found = wanted

    def copied(one: Directive) -> Directive:
        nonlocal found
        if one.block is None:
            return one
        inside = tuple(copied(each) for each in one.block if not any(each is o for o in old))
        made = Directive(one.name, one.args, one.file, one.line, one.last, one.indent, inside)
        if one is wanted:
            found = made
        return made

    return copied(outer), found


def plain_prefix(scope: Level) -> str | None:
    """The prefix of a location; None for one by regular expression, or a named one."""
    modifier, prefix = modified(scope.block)
    return prefix if modifier in ("", "^~", "=") else None
