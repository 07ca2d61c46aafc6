"""The lines that mend a Caddyfile where it stands."""

from __future__ import annotations

from collections.abc import Sequence

from tabbydoctor.routers import Concern, HandEdit
from tabbydoctor.routers.caddy.syntax import CaddyLine

KEY_LINES = (
    'header_up Authorization "Bearer <api_key>"',
    "header_up -X-Api-Key",
    "header_up -X-Admin-Key",
)
HEALTHY = "health_uri /health"
CHECKS = ("health_uri", "health_path", "health_method")
"""What says how a server is asked for its health."""
PATIENCE = 600
_HEADERS = ("authorization", "x-api-key", "x-admin-key")


def named(line: CaddyLine | None) -> str:
    """A block, in words."""
    return " ".join(line.words) if line else ""


def give_key(proxy: CaddyLine, block: CaddyLine | None) -> HandEdit:
    """The key, in the place of what it sets itself."""
    return _changed(proxy, block, "key", KEY_LINES, of_keys(proxy))


def of_keys(proxy: CaddyLine) -> list[CaddyLine]:
    """What it does to the headers of TabbyAPI's keys."""
    return [
        one
        for one in proxy.within("header_up")
        if len(one.words) > 1 and one.words[1].lower().lstrip("+-?") in _HEADERS
    ]


def give_time(proxy: CaddyLine, block: CaddyLine | None, limits: Sequence[CaddyLine]) -> HandEdit:
    """Longer limits, in the place of those that are there."""
    first = limits[0]
    text = tuple(f"{one.indent}{one.name} {PATIENCE}s" for one in limits)
    last = limits[-1].last
    return HandEdit(
        "wait", first.file, first.line, text, last - first.line + 1, named(block), proxy.line
    )


def check_health(proxy: CaddyLine, block: CaddyLine | None) -> HandEdit:
    """A check that needs no key."""
    return _changed(proxy, block, "probe", (HEALTHY,), proxy.within(*CHECKS))


def change_path(proxy: CaddyLine, block: CaddyLine | None, lines: tuple[str, ...]) -> HandEdit:
    """What the request is rewritten to before it is passed on."""
    return _changed(proxy, block, "path", lines, proxy.within("rewrite"))


def _changed(
    proxy: CaddyLine, block: CaddyLine | None, concern: Concern, lines: Sequence[str],
    old: list[CaddyLine],
) -> HandEdit:  # fmt: skip
    """Lines in the block of a reverse_proxy, written anew with what else stands there."""
    inner = f"{proxy.indent}\t" if "\t" in proxy.indent else f"{proxy.indent}    "
    kept = [one for one in proxy.block or () if one not in old]
    text = [f"{proxy.indent}{words(proxy)} {{"]
    text += [line for one in kept for line in written_out(one, inner)]
    text += [f"{inner}{line}" for line in lines]
    count = proxy.last - proxy.line + 1
    return HandEdit(
        concern,
        proxy.file,
        proxy.line,
        (*text, f"{proxy.indent}}}"),
        count,
        named(block),
        proxy.line,
    )


def written_out(line: CaddyLine, indent: str) -> list[str]:
    """A directive with its block."""
    if line.block is None:
        return [f"{indent}{words(line)}"]
    inside = [each for one in line.block for each in written_out(one, f"{indent}    ")]
    return [f"{indent}{words(line)} {{", *inside, f"{indent}}}"]


def words(line: CaddyLine) -> str:
    """A directive as it is written, without its block."""
    return " ".join(
        word if word and not set(word) & set(' \t\n"`#') else '"' + word.replace('"', '\\"') + '"'
        for word in line.words
    )
