"""Prints what hostile texts cost to read: `python -m tests.bench.reading`.

CPU time, so that a busy machine tells the same. Nothing here passes or fails.
"""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from collections.abc import Callable, Mapping

from tabbydoctor import documents
from tabbydoctor.deployment.units import environment_file
from tabbydoctor.routers import python
from tabbydoctor.tabbyapi import log_lines
from tabbydoctor.tabbyapi.last_words import last_words
from tabbydoctor.tabbyapi.log import LogLine
from tabbydoctor.tabbyapi.log_text import cleaned
from tabbydoctor.tabbyapi.tokens_document import parse
from tests.routers.hostile import HOSTILE

SMALL = 1 << 20
URLS = ("http://127.0.0.1:5000",)


def log(text: str) -> None:
    """As a run's log is read."""
    lines = [cleaned(LogLine(line, 0.0)) for line in text.splitlines()]
    for line in lines:
        log_lines.known(line)
    last_words(lines)


def tokens(text: str) -> None:
    """As a tokens file is."""
    parse(text.encode())


def json_text(text: str) -> None:
    """As a model's config.json is."""
    with contextlib.suppress(documents.Unreadable):
        documents.json_of(text)


TEXTS: Mapping[str, tuple[Callable[[str], None], str]] = {
    "log, one line of letters": (log, "a"),
    "log, one line of beginnings": (log, "model [Errno 98] The YAML config from '"),
    "log, many lines": (log, "INFO: model\n"),
    "environment file, many lines": (lambda text: void(environment_file(text)), "A=b\n"),
    "environment file, one line": (lambda text: void(environment_file(text)), "\\"),
    "JSON, many values": (json_text, "0,"),
    "JSON, nested": (json_text, "["),
    "tokens file, one word": (tokens, "a"),
}


def void(_: object) -> None:
    """Throw a value away."""


def seconds(work: Callable[..., object], *given: object) -> float:
    """CPU time."""
    started = time.process_time()
    work(*given)
    return time.process_time() - started


def main() -> None:
    """Measure and print."""
    for name, (read, unit) in TEXTS.items():
        text = unit * (2 * SMALL // len(unit))
        one, two = (seconds(read, part) for part in (text[:SMALL], text))
        ratio = f"{two / max(one, 0.001):.2f}×"
        show(f"{name}, 2 MB / 1 MB ({two:.2f} s)", ratio, "aim: 2.5×")
    slowest = max(
        (seconds(python.read, "/r.py", source, URLS), name) for name, source in HOSTILE.items()
    )
    show(f"{len(HOSTILE)} hostile routers, slowest: {slowest[1]}", f"{slowest[0]:.1f} s", "")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    show("  peak memory of all of it", f"{peak} MB", "aim: < 300 MB")


def show(what: str, figure: str, aim: str) -> None:
    """One line of the table."""
    sys.stdout.write(f"{what:<64} {figure:>9}   {aim}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
