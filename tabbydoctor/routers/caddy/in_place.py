"""The edits by which Caddy takes the key from a file of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tabbydoctor.routers.caddy.by_hand import CHECKS, HEALTHY, of_keys
from tabbydoctor.routers.caddy.syntax import CaddyLine
from tabbydoctor.routers.gateways.splices import KEY_FILE, TextEdit


def take_key(proxy: CaddyLine) -> Iterator[TextEdit]:
    """The key in the place of what it does to the headers of TabbyAPI's keys itself."""
    yield from _gone(of_keys(proxy))
    yield _within(proxy, f"import {KEY_FILE}")


def check_health(proxy: CaddyLine) -> Iterator[TextEdit]:
    """A check that needs no key, in the place of the one that is there."""
    yield from _gone([*proxy.within(*CHECKS), *_taking_401(proxy)])
    yield _within(proxy, HEALTHY)


def _taking_401(proxy: CaddyLine) -> list[CaddyLine]:
    status = proxy.within("health_status")
    return [one for one in status if one.words[1:2] and one.words[1].lower() in ("401", "4xx")]


def _gone(lines: Iterable[CaddyLine]) -> Iterator[TextEdit]:
    return (TextEdit(one.file, one.start, one.head) for one in lines)


def _within(proxy: CaddyLine, line: str) -> TextEdit:
    """A line at the head of its block, which it is given where it has none."""
    inner = f"{proxy.indent}\t" if "\t" in proxy.indent else f"{proxy.indent}    "
    if proxy.block is None:
        text = f" {{\n{inner}{line}\n{proxy.indent}}}"
        return TextEdit(proxy.file, proxy.head, proxy.head, text, raw=True)
    return TextEdit(proxy.file, proxy.head, proxy.head, line, inner)
