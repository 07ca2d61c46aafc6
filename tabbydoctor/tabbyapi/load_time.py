"""How long TabbyAPI took to load, by its log."""

from __future__ import annotations

from tabbydoctor.tabbyapi.log import RunLog

_SERVING = ("Uvicorn running on", "Model successfully loaded")


def load_time(log: RunLog) -> float | None:
    """Seconds from the first line of a run until it served, or its model was loaded.

    None where the log does not tell.
    """
    started = next((line.time for line in log.lines if line.time), None)
    for said in _SERVING:
        served = next((one.time for one in log.lines if said in one.text and one.time), None)
        if served and started:
            return served - started
    return None
