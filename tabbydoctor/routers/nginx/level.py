"""What holds in a block: its own directives, and what it has from the blocks around it."""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.records import dataclass
from tabbydoctor.routers.nginx.syntax import Directive

LUA = ("_by_lua", "_by_lua_block", "_by_lua_file")


@dataclass(frozen=True)
class Level:
    """A block within those around it."""

    block: Directive
    outer: Level | None = None

    def levels(self) -> Iterator[Level]:
        """The block, then each one around it."""
        scope: Level | None = self
        while scope is not None:
            yield scope
            scope = scope.outer

    def own(self, *names: str) -> tuple[Directive, ...]:
        """Its own directives of some names."""
        return tuple(self.block.within(*names))

    def nearest(self, name: str) -> tuple[Level, tuple[Directive, ...]] | None:
        """All of one name at the nearest level that has any: an inner one cancels the outer."""
        for scope in self.levels():
            found = scope.own(name)
            if found:
                return scope, found
        return None

    def value(self, name: str) -> Directive | None:
        """The directive that counts."""
        found = self.nearest(name)
        return found[1][-1] if found else None

    def program(self) -> Directive | None:
        """A program (Lua, njs, Perl) that may change a request, here or around."""
        for scope in self.levels():
            for one in scope.block.block or ():
                asks = one.name.startswith(("rewrite_by", "access_by", "content_by", "set_by"))
                code = one.name.endswith(LUA) and (asks or one.name.startswith("balancer_by"))
                if code or one.name in ("js_content", "perl", "auth_request_set"):
                    return one
        return None


def words(directive: Directive) -> str:
    """A directive as it is written, without its block."""
    return " ".join((directive.name, *map(quoted, directive.args)))


def quoted(word: str) -> str:
    """A word as nginx reads it back."""
    plain = word and not set(word) & set(" \t\n;{}\"'#\\")
    return word if plain else '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def written_out(
    directive: Directive, indent: str, inner: dict[int, list[str]] | None = None
) -> list[str]:
    """A block's lines; `inner` are further lines of its own, by the id of the block."""
    if directive.block is None:
        return [f"{indent}{words(directive)};"]
    lines = [f"{indent}{words(directive)} {{"]
    for one in directive.block:
        lines += written_out(one, f"{indent}    ", inner)
    lines += [f"{indent}    {line}" for line in (inner or {}).get(id(directive), ())]
    return [*lines, f"{indent}}}"]
