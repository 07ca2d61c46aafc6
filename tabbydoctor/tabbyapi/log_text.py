"""Making lines of TabbyAPI's log whole again: wrapped ones joined, keys dropped.

TabbyAPI prints through a rich Console, which wraps at 80 columns where there is no terminal
(`common/logger.py`); its `logs/*.log` are not wrapped.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping

from tabbydoctor import redaction
from tabbydoctor.documents import whole_number
from tabbydoctor.records import replace
from tabbydoctor.tabbyapi.log import LogLine

DEFAULT_WIDTH = 80
LONGEST_LINE = 8_000
"""Characters that are looked at; what TabbyAPI says of itself takes a tenth."""

_PREFIX = re.compile(
    r"(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} (?:\| )?)?"
    r"(TRACE|DEBUG|INFO|SUCCESS|WARNING|ERROR|CRITICAL)(?::|\s*\|)\s"
)
_STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ")
_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_PRINTED_KEYS = re.compile(r"(?i)(\byour (?:api|admin) keys? (?:is|are):\s*)(\S.*)")
_HEADERS = re.compile(
    r"(?i)((?:\bbearer\s+|\bx-(?:api|admin)-key[\"']?\s*[:=,]\s*[\"']?))([^\s\"',;}\])]+)"
)
_REFUSED_VALUE = re.compile(r"(input_value=)(.+?)(?=, input_type=|$)")


def console_width(environment: Mapping[str, str]) -> int:
    """The column at which TabbyAPI's console wraps."""
    for name in ("TABBY_LOG_CONSOLE_WIDTH", "COLUMNS"):
        if width := whole_number(environment.get(name, "")):
            return width
    return DEFAULT_WIDTH


def level(text: str) -> str | None:
    """The level a line was logged at; None for a line that is not the logger's."""
    found = _PREFIX.match(text)
    return found[1] if found else None


def stamp(text: str) -> float | None:
    """When a line says that it was written, in seconds since the epoch; None where it does not."""
    if not _STAMP.match(text):
        return None
    try:
        return time.mktime(time.strptime(text[:19], "%Y-%m-%d %H:%M:%S"))
    except (ValueError, OverflowError):
        return None


def message(text: str) -> str:
    """A line without its time and level."""
    found = _PREFIX.match(text)
    return text[found.end() :].strip() if found else text


def joined(lines: Iterable[LogLine], width: int) -> Iterator[LogLine]:
    """Undo the console's wrapping. Other lines (tracebacks, systemd's own) stay as they are."""
    whole: LogLine | None = None
    last = ""
    for line in lines:
        if whole is not None and _continues(last, line.text, width):
            # Only a word longer than the console is cut without a space.
            glue = "" if len(last) == width and " " not in last else " "
            whole = replace(whole, text=f"{whole.text}{glue}{line.text}")
        else:
            if whole is not None:
                yield whole
            whole = line
            if level(line.text) is None:
                yield whole
                whole = None
        last = line.text
    if whole is not None:
        yield whole


def _continues(last: str, text: str, width: int) -> bool:
    """Whether the first word did not fit behind the line before."""
    if not text or text[0].isspace() or level(text) or text.startswith("Traceback "):
        return False
    return len(last) <= width < len(last.rstrip()) + 1 + len(text.split(" ", 1)[0])


def cleaned(line: LogLine) -> LogLine:
    """Without terminal controls, the console's escapes and keys (which the redactor learns)."""
    text = _TERMINAL.sub("", line.text).replace("\\<", "<")
    text = _PRINTED_KEYS.sub(_drop_list, text)
    text = _HEADERS.sub(_drop, text)
    text = _REFUSED_VALUE.sub(rf"\1{redaction.MARK}", text)
    return replace(line, text=_shortened(text))


def _shortened(text: str) -> str:
    """A line of usual length, cut between two words: half a key would not be known as one."""
    if len(text) <= LONGEST_LINE:
        return text
    end = max(text.rfind(blank, 0, LONGEST_LINE) for blank in " \t")
    return f"{text[: max(end, 0)]} … ({len(text)} characters)"


def _drop_list(found: re.Match[str]) -> str:
    for key in found[2].split(", "):
        redaction.remember(key.strip())
    return found[1] + redaction.MARK


def _drop(found: re.Match[str]) -> str:
    # Shorter words after "Bearer" are prose, and would blacken every report.
    if len(found[2]) >= 8:
        redaction.remember(found[2])
    return found[1] + redaction.MARK
