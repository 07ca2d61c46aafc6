"""Requests as TabbyAPI's log tells of them: which came in, and which have come to an end.

TabbyAPI's `endpoints/OAI/utils/` say `Received … request ID` and `Finished … request ID`, its
`common/gen_logging.py` `Metrics (ID: …)`, its `common/networking.py` `Request disconnected: …`.
"""

from __future__ import annotations

import re

from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.log import LogLine, RunLog
from tabbydoctor.tabbyapi.log_reading import HEAD_LINES
from tabbydoctor.tabbyapi.log_text import level, message

_RECEIVED = re.compile(r"^Received (?:chat )?completion (?:streaming )?request (\w{6,64})")
_FINISHED = re.compile(r"^(?:Finished (?:chat )?completion|Metrics \(ID: \w|Error during )")
_FAILED = re.compile(r"^(?:Sent to request: |FATAL ERROR with generation|Model (?:un)?loaded)")
_LEFT = re.compile(r"^Request disconnected: ")
_IMPATIENT = 60.0
"""Seconds: whoever leaves sooner may have changed his mind; later, he has waited in vain."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Requests that came in since the last one ended, oldest first."""

    received: tuple[LogLine, ...]
    last_end: LogLine | None = None
    """The last line by which a request ended, whatever the end; None in this run."""


def waiting(log: RunLog) -> Waiting:
    """What waits. Of a long log only what follows its gap counts."""
    found: list[LogLine] = []
    last: LogLine | None = None
    for line in log.lines if log.complete else log.lines[HEAD_LINES:]:
        if level(line.text) is None:
            continue
        text = message(line.text)
        if _FINISHED.match(text) or _FAILED.match(text):
            found, last = [], line
        elif _RECEIVED.match(text):
            found.append(line)
        elif _LEFT.match(text) and found and line.time - found[-1].time < _IMPATIENT:
            found.pop()
    return Waiting(tuple(found), last)
