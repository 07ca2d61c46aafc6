"""Whether somebody stopped a run of TabbyAPI, by what systemd says in its log."""

from __future__ import annotations

import re

from tabbydoctor.tabbyapi.log import LogLine, RunLog

_STOPPED = re.compile(r"^(?:Stopping|Stopped) ")


def stop_of(log: RunLog | None) -> LogLine | None:
    """The first line by which systemd stopped the run; None where it ended otherwise."""
    if log is None or log.present:
        return None
    return next((line for line in log.lines if _STOPPED.match(line.text)), None)
