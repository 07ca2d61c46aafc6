"""TabbyAPI's log files that hold keys, and who can come at them."""

from __future__ import annotations

import re

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.paths import path_status
from tabbydoctor.deployment.reader import eyes, reader
from tabbydoctor.facts import Unknown
from tabbydoctor.host import Host
from tabbydoctor.host.access import PathStatus
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.log_reading import log_files

_NEWEST = 5
_START = 256 << 10
_KEY = re.compile(
    rb"(?i)your (?:api|admin) key is:\s*\S"
    rb"|[\"']?(?:authorization|x-(?:api|admin)-key)[\"']?\s*[:=,]\s*[\"']?\S"
)


@dataclass(frozen=True, slots=True)
class KeptLog:
    """A log file with a key in it."""

    path: PathStatus
    line: int
    """The first line that holds one."""


@dataclass(frozen=True, slots=True)
class LogHoldings:
    """The newest log files that hold keys, newest first."""

    files: tuple[KeptLog, ...] = ()
    problem: str = ""
    """Why some could not be looked into; empty when all could."""


def log_holdings(host: Host, instance: Instance) -> LogHoldings:
    """Look into the beginning of the newest few files: TabbyAPI prints its keys at start.

    Raises Unknown for a container whose files may not be looked at.
    """
    if instance.contained and instance.contained.closed and not instance.contained.ended:
        raise Unknown(f"the logs inside {instance.container} are seen by root alone (use sudo)")
    found: list[KeptLog] = []
    problem = ""
    own = reader(host, instance)
    host = eyes(host, instance)
    for file in log_files(host, instance.directory, own)[:_NEWEST]:
        try:
            data = host.read(file.path, _START, own).data
            match = _KEY.search(data)
            if match:
                line = data.count(b"\n", 0, match.start()) + 1
                found.append(KeptLog(path_status(host, file.path), line))
        except PermissionError:
            root = host.effective_uid() == 0
            problem = f"{file.path} is closed to TabbyAPI's account: it is not read for it"
            problem = problem if root else f"reading {file.path} needs root (use sudo)"
        except Unknown as error:
            problem = str(error)
        except OSError:
            continue  # rotated away meanwhile
    return LogHoldings(tuple(found), problem)


GATHERERS = (log_holdings,)
