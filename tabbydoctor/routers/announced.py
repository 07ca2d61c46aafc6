"""What the doctor asks through the router, told apart in TabbyAPI's log from what others ask.

A router may drop the mark that the doctor's own requests carry. So two marked requests to
TabbyAPI itself stand around them: what its log shows between those is no evidence of anybody
else's doing, in this run or a later one.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import AsyncIterator, Iterable, Iterator

from tabbydoctor.host import Host
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.log import LogLine
from tabbydoctor.tabbyapi.log_lines import PROBE_MARK

_MARK = re.compile(rf"{PROBE_MARK}-(begin|end)-([0-9a-f]{{6}})\b")
_LONGEST = 60.0
"""Seconds after which one whose end is missing is over: the doctor was stopped."""
_TIMEOUT = 3.0


@dataclass(frozen=True, slots=True)
class Announcement:
    """One stretch of requests through the router."""

    token: str


@contextlib.asynccontextmanager
async def announced(host: Host, url: str) -> AsyncIterator[Announcement]:
    """Ask nothing through the router outside of this. `url` is TabbyAPI's own."""
    token = secrets.token_hex(3)
    said = _MARK.search(await _say(host, url, f"begin-{token}"))
    token = said[2] if said else token  # a host that answers from a record has another
    try:
        yield Announcement(token)
    finally:
        await _say(host, url, f"end-{token}")


async def _say(host: Host, url: str, words: str) -> str:
    """The address that was asked."""
    return (await host.get(f"{url}/health?{PROBE_MARK}-{words}", timeout=_TIMEOUT)).url


def of_others(lines: Iterable[LogLine]) -> Iterator[LogLine]:
    """The lines that stand in no announced stretch, and carry no mark of the doctor's."""
    begun: dict[str, float] = {}
    for line in lines:
        begun = {token: at for token, at in begun.items() if line.time - at < _LONGEST}
        if mark := _MARK.search(line.text):
            if mark[1] == "begin":
                begun[mark[2]] = line.time
            else:
                begun.pop(mark[2], None)
        elif not begun and PROBE_MARK not in line.text:
            yield line


def between(lines: Iterable[LogLine], token: str) -> list[LogLine] | None:
    """The unmarked lines of one stretch; None where the log does not show all of it."""
    found: list[LogLine] | None = None
    for line in lines:
        mark = _MARK.search(line.text)
        if mark and mark[2] == token and mark[1] == "begin":
            found = []
        elif mark and mark[2] == token:
            return found
        elif found is not None and PROBE_MARK not in line.text:
            found.append(line)
    return None
