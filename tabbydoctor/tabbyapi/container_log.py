"""The file in which a container engine keeps what a container says.

Docker's `json-file` driver writes an object a line, Podman's `k8s-file` a line with its time and
stream in front. Both go on from one run of a container to the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tabbydoctor.documents import Unreadable, json_of, seconds
from tabbydoctor.host import Host
from tabbydoctor.tabbyapi.log import LogLine

_LIMIT = 4 << 20
_SLACK = 1.0
"""Seconds: the kernel tells when a process started in its own ticks."""


def output_of(host: Host, path: str, since: float) -> tuple[list[LogLine], bool]:
    """The lines of the run that began then, and whether they are all; none where unread."""
    try:
        content = host.read(path, _LIMIT, end=True)
    except OSError:
        return [], True
    texts = content.text().splitlines()[1 if content.truncated else 0 :]
    lines = [line for line in _lines(texts) if line.time >= since - _SLACK]
    whole = not content.truncated or (bool(texts) and len(lines) < len(texts))
    return lines, whole


def _lines(texts: list[str]) -> Iterator[LogLine]:
    for text in texts:
        found = _of_json(text) if text.startswith("{") else _of_kubernetes(text)
        if found is not None:
            yield found


def _of_json(text: str) -> LogLine | None:
    try:
        entry: Any = json_of(text)
    except Unreadable:
        return None
    said, time = entry.get("log"), seconds(str(entry.get("time", "")))
    return LogLine(said.rstrip("\r\n"), time) if isinstance(said, str) and time else None


def _of_kubernetes(text: str) -> LogLine | None:
    fields = text.split(" ", 3)
    time = seconds(fields[0])
    return LogLine(fields[3], time) if len(fields) == 4 and time else None
