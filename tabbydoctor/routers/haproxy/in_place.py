"""The edits by which HAProxy takes the key from a file of its own, a map (its manual, 7.3.1).

It reads the file when it starts and with each reload, as the account it is started by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tabbydoctor.routers.gateways.splices import KEY_FILE, TextEdit
from tabbydoctor.routers.haproxy.by_hand import HEALTHY, KEY_LINES, anchor, of_keys
from tabbydoctor.routers.haproxy.syntax import ProxyLine, ProxySection

ENTRY = "tabbyapi"
"""What the key is called in the map."""
KEY_TEXT = f"{ENTRY} <api_key>\n"
FETCHED = f"%[str({ENTRY}),map({KEY_FILE})]"
"""The value that its rule sets, where the key is."""


def take_key(back: ProxySection) -> Iterator[TextEdit]:
    """The key in the place of what its own rules set, behind every rule that looks at a header."""
    yield from _gone(of_keys(back))
    lines = (line.replace("<api_key>", FETCHED) for line in KEY_LINES)
    yield _behind(anchor(back), lines, back)


def check_health(back: ProxySection, old: Iterable[ProxyLine]) -> Iterator[TextEdit]:
    """A check that needs no key, in the place of the one that is there."""
    yield from _gone(old)
    yield _behind(back.head, HEALTHY, back)


def _gone(lines: Iterable[ProxyLine]) -> Iterator[TextEdit]:
    return (TextEdit(one.file, one.start, one.end) for one in lines)


def _behind(line: ProxyLine, lines: Iterable[str], back: ProxySection) -> TextEdit:
    indent = back.lines[0].indent if back.lines else "    "
    return TextEdit(line.file, line.end, line.end, "\n".join(lines), indent)
