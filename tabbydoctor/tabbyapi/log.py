"""TabbyAPI's own log: its present run, wrapped lines joined, known lines named."""

from __future__ import annotations

from tabbydoctor.records import dataclass, field


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log, unwrapped. Never shown without redaction."""

    text: str = field(repr=False)
    time: float = 0.0
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class RunLog:
    """The log of one run of TabbyAPI: the present one, or the last one if it is down."""

    source: str
    """A command (or file) that shows it."""
    lines: tuple[LogLine, ...] = ()
    complete: bool = True
    """False where the middle of a long log was left out."""
    present: bool = True
    """Whether the run it belongs to is still going."""
