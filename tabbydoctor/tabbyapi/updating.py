"""Whether start.sh still installs TabbyAPI's dependencies: TabbyAPI is started after that.

Its start.py runs `pip install -U .[cu12]` at the first start and with `--update-deps`.
"""

from __future__ import annotations

import posixpath
import re

from tabbydoctor.deployment.parts import Instance, ProcessTable
from tabbydoctor.host.data import Process
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.log_text import level

_INSTALLERS = ("pip", "pip3", "uv")
_INSTALLS = re.compile(
    r"^\s*(?:Collecting |Downloading |Using cached |Requirement already satisfied: |"
    r"Installing collected packages: |Building wheel|Preparing metadata|Resolved \d+ packages|"
    r"Prepared \d+ packages|Running install command: |Pulling latest changes from Github)"
)
_STARTS = "Starting TabbyAPI"


def installing(
    instance: Instance, log: RunLog | None, table: ProcessTable | None
) -> Process | str | None:
    """The process that installs, else the last line that tells of it; None where it does not."""
    unit = instance.unit
    for process in table.processes if table and unit else ():
        own = unit and (process.unit, process.user_unit) == (unit.name, unit.user_manager)
        if own and _installs(process):
            return process
    if log is None or not log.present:
        return None
    if any(level(line.text) or line.text.startswith(_STARTS) for line in log.lines):
        return None
    return next((one.text for one in reversed(log.lines) if _INSTALLS.match(one.text)), None)


def _installs(process: Process) -> bool:
    names = {posixpath.basename(word) for word in process.argv[:4]}
    return bool(names & set(_INSTALLERS)) and "install" in process.argv
